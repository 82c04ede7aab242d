import { describe, expect, it } from '@jest/globals';
import { composeTrees } from './compose-trees.ts';
import type { LayeredEntry } from './layered-manifest.ts';

const file = (path: string): LayeredEntry => ({
  kind: 'file',
  path,
  mode: 0o644,
  mtime: 1,
  size: 1,
  digest: 'a'.repeat(64),
  layer: 0,
  start: 0,
  blocks: [],
});
const dir = (path: string): LayeredEntry => ({ kind: 'dir', path, mode: 0o755, mtime: 1 });
const link = (path: string): LayeredEntry => ({ kind: 'link', path, target: 'elsewhere', mtime: 1 });
type Tree = Parameters<typeof composeTrees>[0][number];
/** Which entry of which tree stays. */
const staying = (...trees: (LayeredEntry[] | Tree)[]): string[] =>
  composeTrees(trees.map((tree) => (Array.isArray(tree) ? { entries: tree } : tree))).entries.map(
    ({ tree, entry }) => `${tree} ${entry.kind} ${entry.path}`,
  );

describe('Trees that are put into one directory', () => {
  it('are all there where they do not meet', () =>
    expect(staying([dir('a'), file('a/x')], [file('b')])).toEqual(['0 dir a', '0 file a/x', '1 file b']));

  it('have what the last of them has where they meet', () =>
    expect(staying([file('a/x'), file('a/y')], [file('a/x')])).toEqual(['0 file a/y', '1 file a/x']));

  it.each([
    ['a file', file('a')],
    ['a link', link('a')],
  ])('lose a directory, and all that is in it, to %s', (_what, entry) =>
    expect(staying([dir('a'), dir('a/b'), file('a/b/x'), file('ab')], [entry])).toEqual([
      '0 file ab',
      `1 ${entry.kind} a`,
    ]),
  );

  it('lose a file or a link to a directory, also to one that is only passed', () => {
    expect(staying([file('a')], [dir('a')])).toEqual(['1 dir a']);
    expect(staying([link('a')], [file('a/b/x')])).toEqual(['1 file a/b/x']);
  });

  it('lose what a later one calls gone, and what it lies in', () =>
    expect(
      staying([dir('a'), file('a/x'), file('b/x'), file('b/y')], { entries: [file('c')], gone: ['a', 'b/x'] }),
    ).toEqual(['0 file b/y', '1 file c']));

  it('have again what a later one puts where something was gone', () =>
    expect(staying([file('a/x')], { entries: [], gone: ['a/x'] }, [file('a/x')])).toEqual(['2 file a/x']));

  it('say what is to be removed below all of them', () => {
    const trees = [{ entries: [file('a')] }, { entries: [file('d')], gone: ['README.md', 'd/x'] }];
    expect(composeTrees(trees).gone).toEqual(['README.md', 'd/x']);
  });
});
