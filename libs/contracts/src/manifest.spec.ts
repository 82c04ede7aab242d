import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  TREE_LIMITS,
  linkProblem,
  parseManifest,
  pathProblem,
  placeOf,
  serializeManifest,
  type TreeEntry,
} from './manifest.ts';

const DIGEST = '0123456789abcdef'.repeat(4);
const file = (path: string, more: Partial<Extract<TreeEntry, { kind: 'file' }>> = {}): TreeEntry => ({
  kind: 'file',
  path,
  mode: 0o644,
  size: 1,
  digest: DIGEST,
  ...more,
});
const dir = (path: string): TreeEntry => ({ kind: 'dir', path, mode: 0o755 });
const link = (path: string, target: string): TreeEntry => ({ kind: 'link', path, target });
const bytesOf = (...entries: unknown[]): Buffer => Buffer.from(JSON.stringify({ version: 1, entries }));
const reading =
  (...entries: unknown[]) =>
  (): unknown =>
    parseManifest(bytesOf(...entries));

describe('A manifest', () => {
  it('is the same bytes in whatever order the tree was walked', () => {
    const entries = [file('b'), dir('a'), file('a/z'), link('c', 'a/z')];

    expect(serializeManifest(entries.toReversed())).toEqual(serializeManifest(entries));
  });

  it('holds files, directories and links, also with spaces, dots and letters of any script', () => {
    const entries = [dir('a b'), file('a b/.env'), file('größe/機能.txt'), file('...'), link('to', './a b/.env')];

    expect(parseManifest(serializeManifest(entries)).entries).toEqual(
      entries.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    );
  });

  it('may be empty', () => {
    expect(parseManifest(serializeManifest([])).entries).toEqual([]);
  });

  it.each([
    ['absolute', '/etc/passwd', 'leaves the tree'],
    ['above the tree', '../x', 'leaves the tree'],
    ['above the tree from inside', 'a/../../x', 'leaves the tree'],
    ['roundabout, although it stays inside', 'a/../x', 'leaves the tree'],
    ['.', '.', 'leaves the tree'],
    ['with an empty segment', 'a//b', 'leaves the tree'],
    ['with a slash at its end', 'a/', 'leaves the tree'],
    ['with a backslash', String.raw`..\x`, 'control characters or backslashes'],
    ['with a NUL', 'a\0b', 'control characters or backslashes'],
    ['with a line break', 'a\nb', 'control characters or backslashes'],
    ['with an escape', 'a\u001B[2Jb', 'control characters or backslashes'],
    ['with a DEL', 'a\u007Fb', 'control characters or backslashes'],
    ['too long', 'é'.repeat(TREE_LIMITS.pathBytes / 2) + 'x', 'too long'],
    ['too deep', Array.from({ length: TREE_LIMITS.depth + 1 }, () => 'd').join('/'), 'too deep'],
  ])('is refused with a path that is %s', (_what, path, problem) => {
    expect(reading(file(path))).toThrow(problem);
    expect(reading(dir(path))).toThrow(problem);
    expect(reading(link(path, 'x'))).toThrow(problem);
    expect(pathProblem(path)).toContain(problem);
  });

  it('may be exactly as deep and as long as the limits say', () => {
    const deep = Array.from({ length: TREE_LIMITS.depth }, () => 'd').join('/');

    expect(reading(file(deep), file('x'.repeat(TREE_LIMITS.pathBytes)))).not.toThrow();
  });

  it.each([
    ['the same', 'a/b', 'a/b'],
    ['the same but for case', 'a/README', 'a/readme'],
    ['the same but for composition', 'caf\u00E9', 'cafe\u0301'],
  ])('is refused when two paths are %s', (_what, one, other) => {
    expect(reading(file(one), file(other))).toThrow('one place twice');
    expect(placeOf(one)).toBe(placeOf(other));
  });

  it.each([
    ['a file', file('a'), file('a/b')],
    ['a file of another case', file('A'), file('a/b')],
    ['a link', link('a', 'x'), file('a/b')],
    ['a link further up', link('a', 'x'), file('a/b/c')],
    ['a link that is listed later', file('z/b'), link('z', 'x')],
  ])('is refused when something lies below %s', (_what, ...entries) => {
    expect(reading(...entries)).toThrow('below a file or a link');
  });

  it.each([
    ['absolute', 'a', '/etc'],
    ['up and out', 'a', '..'],
    ['up and out from a directory', 'a/b', '../..'],
    ['up and out behind a dot', 'a/b', './../../x'],
    ['up and out behind doubled slashes', 'a/b', '..//..//x'],
    ['through a name, which may be a link itself', 'a/b', 'c/../../x'],
    ['through a name, although it would stay inside', 'a/b', 'c/../d'],
    ['by a backslash', 'a', String.raw`..\x`],
    ['by a control character', 'a', 'x\ny'],
  ])('is refused when a link leads out: %s', (_what, path, target) => {
    expect(reading(link(path, target))).toThrow('a link that leaves the tree');
    expect(linkProblem(path, target)).toBeDefined();
  });

  it.each([
    ['a', 'b'],
    ['a/b', '../c'],
    ['a/b/c', '../../d/e'],
    ['a/b', '..'],
    ['a', '.'],
    ['a/b', './c/.d'],
    ['a', '..hidden'],
  ])('may hold the link %s to %s', (path, target) => {
    expect(reading(link(path, target))).not.toThrow();
  });

  it('is refused with more entries, bytes or text than the limits', () => {
    const many = Array.from({ length: TREE_LIMITS.entries + 1 }, (_, n) => dir(String(n)));

    expect(reading(...many)).toThrow('wrong shape');
    expect(reading(file('a', { size: TREE_LIMITS.bytes }), file('b'))).toThrow('the tree is too large');
    expect(() => parseManifest(Buffer.alloc(TREE_LIMITS.manifestBytes + 1, ' '))).toThrow('the manifest is too large');
  });

  it.each([
    ['a negative size', file('a', { size: -1 })],
    ['half a byte', file('a', { size: 0.5 })],
    ['a setuid bit', file('a', { mode: 0o4755 })],
    ['a digest that is a path', file('a', { digest: `../${DIGEST.slice(3)}` })],
    ['a digest in capitals', file('a', { digest: DIGEST.toUpperCase() })],
    ['an unknown kind', { kind: 'device', path: 'a' }],
    ['a key nobody knows', { ...dir('a'), owner: 0 }],
    ['no path', { kind: 'dir', mode: 0 }],
    ['an empty path', dir('')],
    ['an empty target', link('a', '')],
    ['a path that is no text', { ...dir('a'), path: ['a'] }],
    ['nothing', null],
  ])('is refused with an entry of %s', (_what, entry) => {
    expect(reading(entry)).toThrow('wrong shape');
  });

  it.each(['', 'x', '[]', '{}', 'null', '{"version":2,"entries":[]}', '{"version":1,"entries":[],"more":1}', '\uFFFE'])(
    'is refused when it is %j',
    (text) => {
      expect(() => parseManifest(Buffer.from(text))).toThrow(/the manifest/);
    },
  );

  it('comes back from its bytes as it went in, whatever the tree', () => {
    const segment = fc.stringMatching(/^[a-zA-Z0-9._ é-]{1,8}$/).filter((text) => text !== '.' && text !== '..');
    const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'));
    const tree = fc
      .uniqueArray(path, { selector: placeOf, maxLength: 12 })
      .map((paths) => paths.filter((one) => !paths.some((other) => placeOf(other).startsWith(`${placeOf(one)}/`))))
      .map((paths) => paths.map((one, n) => [file(one, { size: n }), dir(one), link(one, 'x')][n % 3]!));
    fc.assert(
      fc.property(tree, (entries) => {
        const bytes = serializeManifest(entries);
        const read = parseManifest(bytes);
        expect(new Set(read.entries)).toEqual(new Set(entries));
        expect(serializeManifest(read.entries)).toEqual(bytes);
      }),
      { numRuns: 200 },
    );
  });

  it('is read or refused with an error, never anything else, whatever the bytes', () => {
    const anything = fc.oneof(fc.uint8Array(), fc.json().map(Buffer.from), fc.array(fc.anything()).map(jsonOf));
    fc.assert(
      fc.property(anything, (bytes) => {
        try {
          parseManifest(bytes);
        } catch (error) {
          expect((error as Error).message).toMatch(/^the (manifest|tree) /);
        }
      }),
    );
  });
});

const jsonOf = (entries: unknown): Buffer =>
  Buffer.from(
    JSON.stringify({ version: 1, entries }, (_key, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    ),
  );
