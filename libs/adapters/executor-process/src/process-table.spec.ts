import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { isMarked, parseStat, type ProcessStat } from './process-table.ts';

const marker = Buffer.from('\0FOLDLINE_ATTEMPT=p1.0.1\0');
const running: ProcessStat = { alive: true, group: 7, session: 7, memoryBytes: 1024, environmentEnd: 4096 };
const environment = (...variables: string[]): Buffer => Buffer.from(variables.map((text) => `${text}\0`).join(''));

describe('a process of an attempt', () => {
  it.each([
    ['first', ['FOLDLINE_ATTEMPT=p1.0.1', 'PATH=/bin']],
    ['last', ['PATH=/bin', 'FOLDLINE_ATTEMPT=p1.0.1']],
    ['alone', ['FOLDLINE_ATTEMPT=p1.0.1']],
  ])('is known by the variable that it inherited, which may stand %s', (_place, variables) =>
    expect(isMarked(environment(...variables), running, marker)).toBe(true),
  );

  it.each([['FOLDLINE_ATTEMPT=p1.0.11'], ['NOT_FOLDLINE_ATTEMPT=p1.0.1'], ['PATH=/bin']])(
    'is not one with %s',
    (text) => expect(isMarked(environment(text), running, marker)).toBe(false),
  );

  it('cannot be told from others while it takes up another program', () =>
    expect(isMarked(Buffer.alloc(0), { ...running, environmentEnd: 0 }, marker)).toBe('unknown'));

  it.each([
    ['was given an empty environment', {}],
    ['is a thread of the kernel, without memory', { memoryBytes: 0, environmentEnd: 0 }],
    ['is dead', { alive: false, environmentEnd: 0 }],
  ])('is not one that %s', (_what, stat) =>
    expect(isMarked(Buffer.alloc(0), { ...running, ...stat }, marker)).toBe(false),
  );

  it('is not one of somebody else', () => expect(isMarked(undefined, running, marker)).toBe(false));
});

describe('what the kernel tells of a process', () => {
  it('is read behind its name, which may hold anything', () => {
    const rest = Array.from({ length: 49 }, (_, index) => String(index + 3)).join(' ');
    expect(parseStat(`7 (a) Z 1 (b) S${rest.slice(1)}`)).toEqual({
      alive: true,
      group: 5,
      session: 6,
      memoryBytes: 23,
      environmentEnd: 51,
    });
  });

  it('is read of this very process', () => {
    const stat = parseStat(readFileSync('/proc/self/stat', 'latin1'));
    expect(stat.alive).toBe(true);
    expect(stat.memoryBytes).toBeGreaterThan(1_000_000);
    expect(stat.environmentEnd).toBeGreaterThan(0);
  });
});
