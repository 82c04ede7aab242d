import { describe, expect, it } from '@jest/globals';
import { copyCount, expandCopies } from './expand-matrix.ts';
import type { Copies } from './keywords/copies.ts';

const matrix: Copies = {
  kind: 'matrix',
  rows: [
    { OS: ['a', 'b'], V: ['1', '2', '3'] },
    { OS: ['c'], V: ['9'] },
  ],
};

describe('The copies of a job', () => {
  it('are one without a number when nothing is asked for', () =>
    expect(expandCopies('test', {})).toEqual([{ name: 'test' }]));

  it('are numbered from 1 in their names and from 0 in their nodes', () =>
    expect(expandCopies('test', { parallel: { kind: 'count', count: 2 } })).toEqual([
      { name: 'test 1/2', node: { index: 0, total: 2 } },
      { name: 'test 2/2', node: { index: 1, total: 2 } },
    ]));

  it('are every combination within a map, and the maps one after the other', () =>
    expect(expandCopies('t', { matrix }).map(({ name }) => name)).toEqual([
      't: [a, 1]',
      't: [a, 2]',
      't: [a, 3]',
      't: [b, 1]',
      't: [b, 2]',
      't: [b, 3]',
      't: [c, 9]',
    ]));

  it('are counted without being made', () => {
    const values = Array.from({ length: 1000 }, (_, index) => String(index));
    const huge: Copies = { kind: 'matrix', rows: [{ A: values, B: values, C: values, D: values }] };
    expect(copyCount({ matrix: huge })).toBe(1e12);
    expect(copyCount({ matrix })).toBe(7);
  });
});
