import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TREE_LIMITS } from '@foldline/contracts';
import { selectEntries } from './select-entries.ts';

describe('What is kept of a workspace', () => {
  let directory: string;
  let root: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-select-'));
    root = join(directory, 'workspace');
    mkdirSync(root);
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const write = (...paths: string[]): void => {
    for (const path of paths) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), path);
    }
  };
  const found = (paths: string[], exclude: string[] = []): string[] =>
    selectEntries(root, paths, exclude)
      .entries.map(({ path }) => path)
      .toSorted();
  const notes = (...paths: string[]): string[] => selectEntries(root, paths, []).skipped;

  it.each([
    [['dist/'], ['dist', 'dist/.hidden', 'dist/a.js', 'dist/sub', 'dist/sub/b.map']],
    [['./dist'], ['dist', 'dist/.hidden', 'dist/a.js', 'dist/sub', 'dist/sub/b.map']],
    [['dist/*.js'], ['dist/a.js']],
    [['*.log'], ['one.log']],
    [['**/*.map'], ['dist/sub/b.map', 'top.map']],
    [[' one.log '], ['one.log']],
    [['one.log', '*.log', './one.log'], ['one.log']],
    [
      ['{one,two}.log', 'top.*'],
      ['one.log', 'top.map'],
    ],
    [['with space/größe.txt'], ['with space/größe.txt']],
  ])('%j names %j', (patterns, expected) => {
    write('dist/a.js', 'dist/.hidden', 'dist/sub/b.map', 'one.log', 'top.map', 'with space/größe.txt');

    expect(found(patterns)).toEqual(expected);
  });

  it.each(['.', './', './/', '**'])('is everything when it is named by %j', (all) => {
    write('a/.b', 'c');

    expect(found([all])).toEqual(['a', 'a/.b', 'c']);
  });

  it.each(['.', '**', '**/*', '*', '.*', '**/config', '[.]git/config', '.g*/config', '?git'])(
    'is never the repository’s own history when it is named by %j',
    (wildcards) => {
      write('.git/config', 'a/config', '.gitignore');

      expect(found([wildcards]).filter((path) => path.startsWith('.git/') || path === '.git')).toEqual([]);
    },
  );

  it.each([
    ['.git/config', ['.git/config']],
    ['./.git/', ['.git', '.git/config', '.git/refs', '.git/refs/head']],
    ['.git/**', ['.git/config', '.git/refs', '.git/refs/head']],
    ['{dist,.git}/*', ['.git/config', '.git/refs', '.git/refs/head']],
  ])('is of the repository’s history what %j names', (pattern, expected) => {
    write('.git/config', '.git/refs/head', 'a');

    expect(found([pattern])).toEqual(expected);
  });

  it('is also the history of a repository that lies deeper: it is not the workspace’s own', () => {
    write('vendor/lib/.git/config', '.git/config');

    expect(found(['**'])).toContain('vendor/lib/.git/config');
  });

  it('is without what is excluded, and without what lies below that', () => {
    write('dist/a.js', 'dist/secret/key', 'dist/x.map', 'dist/deep/y.map');

    expect(found(['dist'], ['dist/secret', '**/*.map'])).toEqual(['dist', 'dist/a.js', 'dist/deep']);
  });

  it('does not count what is wholly excluded as found', () => {
    write('a.log');

    expect(selectEntries(root, ['*.log', 'none'], ['*.log']).unmatched).toEqual(['*.log', 'none']);
  });

  it.each(['/etc/passwd', '../secret', 'a/../../secret', '', '/', '..', 'a//b', String.raw`..\secret`, 'a\0b'])(
    'is nothing outside the workspace: %j is answered with a note',
    (path) => {
      writeFileSync(join(directory, 'secret'), 'x');

      expect({ found: found([path]), notes: notes(path) }).toEqual({
        found: [],
        notes: [`${path} is not a path inside the workspace`],
      });
    },
  );

  describe('when there are symbolic links', () => {
    beforeEach(() => {
      mkdirSync(join(directory, 'outside'));
      writeFileSync(join(directory, 'outside/secret'), 'x');
    });

    it('is the link itself when it stays inside', () => {
      write('a/file');
      symlinkSync('../a/file', join(root, 'a/link'));
      symlinkSync('../a', join(root, 'a/again'));

      expect(selectEntries(root, ['a/link', 'a/again/'], []).entries).toMatchObject([
        { kind: 'link', path: 'a/link', target: '../a/file' },
        { kind: 'link', path: 'a/again', target: '../a' },
      ]);
    });

    it('is nothing that lies behind them', () => {
      write('a/file');
      symlinkSync(join(directory, 'outside'), join(root, 'out'));
      symlinkSync('a', join(root, 'in'));

      expect(found(['out/secret', 'out/*', 'in/file', 'in/*', '**/secret'])).toEqual([]);
    });

    it('is not a link that leads out, and a note says so', () => {
      symlinkSync(join(directory, 'outside'), join(root, 'out'));
      symlinkSync('../outside/secret', join(root, 'up'));

      expect({ found: found(['*']), notes: notes('*') }).toEqual({
        found: [],
        notes: [
          'out was left out: the link leads out of the workspace',
          'up was left out: the link leads out of the workspace',
        ],
      });
    });

    it('ends although a link leads to the directory it lies in', () => {
      symlinkSync('.', join(root, 'loop'));

      expect(found(['**'])).toEqual(['loop']);
    });
  });

  it('is neither pipes nor sockets, and a note says so', () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);

    expect({ found: found(['*']), notes: notes('*') }).toEqual({
      found: [],
      notes: ['pipe was left out: it is neither a file nor a directory nor a link'],
    });
  });

  it('has permissions, and neither setuid, setgid nor sticky bits', () => {
    write('tool');
    mkdirSync(join(root, 'shared'));
    chmodSync(join(root, 'tool'), 0o6751);
    chmodSync(join(root, 'shared'), 0o1777);

    expect(selectEntries(root, ['*'], []).entries).toMatchObject([
      { kind: 'dir', path: 'shared', mode: 0o777 },
      { kind: 'file', path: 'tool', mode: 0o751, size: 4 },
    ]);
  });

  it('is not a file whose name could do harm elsewhere, and a note says so', () => {
    write('a\nb', 'c\\d', 'e\u001B[2J', 'good');
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x66, 0xff])]), 'x');

    expect(found(['**'])).toEqual(['good']);
    expect(notes('**').toSorted()).toEqual([
      'a file was left out: its path has control characters or backslashes',
      'a file was left out: its path has control characters or backslashes',
      'a file was left out: its path has control characters or backslashes',
      'f\uFFFD was left out: its name is not UTF-8',
    ]);
  });

  it('is one of two files that are the same place where names fold, and a note says so', () => {
    write('README', 'readme', 'Lib', 'lib/inner.js');

    expect(found(['**'])).toEqual(['Lib', 'README']);
    expect(notes('**').toSorted()).toEqual([
      'lib was left out: elsewhere it is the same file as Lib',
      'lib/inner.js was left out: elsewhere Lib is in its way',
      'readme was left out: elsewhere it is the same file as README',
    ]);
  });

  it.each(['go.sum/cache', 'go.sum/cache/**', 'loop/inside'])('is nothing below what is no directory: %s', (path) => {
    write('go.sum');
    symlinkSync('loop', join(root, 'loop'));

    expect(selectEntries(root, [path])).toEqual({ entries: [], unmatched: [path], skipped: [] });
  });

  it('is nothing that lies too deep, and a note says so', () => {
    const deep = Array.from({ length: TREE_LIMITS.depth - 1 }, () => 'd').join('/');
    write(`${deep}/kept`, `${deep}/d/e/f/lost`, 'other.log');

    expect(found(['**/kept', '**/lost', '*.log'])).toEqual([`${deep}/kept`, 'other.log']);
    expect(notes('**/lost')).toEqual([`${deep}/d/e was not looked into: it lies too deep`]);
  });

  it('comes with at most so many notes', () => {
    write(...Array.from({ length: 200 }, (_, n) => `bad\n${n}`));

    expect(notes('**')).toHaveLength(50);
  });
});
