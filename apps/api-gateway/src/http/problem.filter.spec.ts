import { describe, expect, it } from '@jest/globals';
import { NotFoundException } from '@nestjs/common';
import { PermanentError, Refusal, TransientError } from '@foldline/kernel';
import { PROBLEMS } from './problem-codes.ts';
import { problemOf } from './problem.filter.ts';

describe('a problem', () => {
  it('tells code, status, what is wrong and what to do', () =>
    expect(problemOf(new Refusal('unknown_ref', 'no branch "x"', { ref: 'x' }), '/api/a/b/pipelines')).toEqual({
      type: '/docs/problems/unknown_ref',
      title: PROBLEMS.unknown_ref!.title,
      status: 422,
      code: 'unknown_ref',
      detail: 'no branch "x"',
      fix: PROBLEMS.unknown_ref!.fix,
      instance: '/api/a/b/pipelines',
      ref: 'x',
    }));

  it('says nothing about the inside when the client did not cause it', () => {
    const problem = problemOf(new PermanentError('/var/lib/secret is damaged'), '/x');
    expect(problem).toMatchObject({ status: 500, code: 'internal' });
    expect(JSON.stringify(problem)).not.toContain('secret');
  });

  it.each([
    [new TransientError('busy'), 503, 'unavailable'],
    [new NotFoundException(), 404, 'not_found'],
    [Object.assign(new Error('x'), { code: 'FST_ERR_CTP_BODY_TOO_LARGE', statusCode: 413 }), 413, 'payload_too_large'],
    [
      Object.assign(new Error('x'), { code: 'FST_ERR_CTP_INVALID_MEDIA_TYPE', statusCode: 415 }),
      415,
      'unsupported_media_type',
    ],
    [new Refusal('a_code_of_nobody', 'x'), 400, 'invalid_request'],
    [Object.assign(new Error('x'), { statusCode: 431 }), 400, 'invalid_request'],
    [undefined, 500, 'internal'],
    ['text', 500, 'internal'],
  ])('has the status of its kind: %s', (error, status, code) =>
    expect(problemOf(error, '/')).toMatchObject({ status, code }),
  );

  it('cannot be given another status by a refusal', () =>
    expect(problemOf(new Refusal('not_found', 'x', { status: 200, code: 'ok', type: 'y' }), '/')).toMatchObject({
      status: 404,
      code: 'not_found',
    }));
});
