import { describe, expect, it } from '@jest/globals';
import { Refusal } from '@foldline/kernel';
import { checkedVariables, MAX_VARIABLES_BYTES } from './variable-rules.ts';

const refusal = (variables: Record<string, unknown>): Refusal | undefined => {
  try {
    checkedVariables(variables);
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
};

describe('the variables of a request', () => {
  it('are what was given', () =>
    expect(checkedVariables({ MODE: 'fast', _x1: '' })).toEqual({ MODE: 'fast', _x1: '' }));

  it.each(['PATH', 'LD_PRELOAD', 'DYLD_INSERT_LIBRARIES', 'NODE_OPTIONS', 'BASH_ENV', 'ENV', 'IFS', 'GIT_SSH_COMMAND'])(
    'may not be %s, which changes what programs do',
    (name) => expect(refusal({ [name]: 'x' })?.code).toBe('invalid_variable'),
  );
  it.each(['CI_COMMIT_SHA', 'FOLDLINE_ADMIN_TOKEN', 'ci_job_id', 'https_proxy'])(
    'may not be %s, which is reserved',
    (name) => expect(refusal({ [name]: 'x' })?.code).toBe('invalid_variable'),
  );
  it.each(['', '1A', 'A-B', 'A B', 'A=B', 'A\n', 'ä', 'x'.repeat(256)])('may not have the name "%s"', (name) =>
    expect(refusal({ [name]: 'x' })?.code).toBe('invalid_variable'),
  );
  it.each([[1], [true], [null], [['x']], [{ a: 'x' }]])('may not have the value %j, which is no string', (value) =>
    expect(refusal({ A: value })?.code).toBe('invalid_variable'),
  );

  it('hold no NUL, which ends a string in a process', () =>
    expect(refusal({ A: 'a\u0000b' })?.code).toBe('invalid_variable'));

  it('have at most 64 KiB together', () => {
    expect(refusal({ A: 'x'.repeat(MAX_VARIABLES_BYTES - 1) })).toBeUndefined();
    expect(refusal({ A: 'x'.repeat(MAX_VARIABLES_BYTES / 2), B: 'x'.repeat(MAX_VARIABLES_BYTES / 2) })?.code).toBe(
      'invalid_variable',
    );
  });

  it('are refused with every mistake at once', () => {
    expect(refusal({ PATH: 'x', OK: 'y', 'a/b': 'z', N: 1 })?.fields.errors).toEqual([
      { pointer: '/variables/PATH', message: 'PATH is reserved' },
      { pointer: '/variables/a~1b', message: expect.stringContaining('letters, digits') },
      { pointer: '/variables/N', message: 'N must be a string' },
    ]);
  });
});
