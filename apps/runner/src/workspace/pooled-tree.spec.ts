import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { PooledTree } from './pooled-tree.ts';
import { removeTree } from './remove-tree.ts';

let directory: string;
let base: string;
let path: string;
let tree: PooledTree;

const BYTES = Buffer.from([0x66, 0xff, 0xfe]);
/** A path whose last part is not UTF-8. */
const oddly = (below: string): Buffer => Buffer.concat([Buffer.from(`${below}/`), BYTES]);

const write = (root: string, relative: string, text: string): void => {
  mkdirSync(dirname(join(root, relative)), { recursive: true });
  writeFileSync(join(root, relative), text);
};

/** Directories in directories, further than a path can reach, each with a file and a link that leads out. */
const nestDeeply = (root: string): void => {
  const nest = `
    const { mkdirSync, symlinkSync, writeFileSync } = require('node:fs');
    for (let n = 0; n < 30; n += 1) {
      mkdirSync('d'.repeat(200));
      process.chdir('d'.repeat(200));
      symlinkSync('/', 'out');
      writeFileSync('file', '');
    }`;
  execFileSync(process.execPath, ['-e', nest], { cwd: root });
};

/** Everything below a directory, byte for byte: kinds, permissions, targets and content by name. */
const contentOf = (root: string): Map<string, string> => {
  const content = new Map<string, string>();
  const look = (at: Buffer, name: string): void => {
    const stats = lstatSync(at);
    const mode = (stats.mode & 0o7777).toString(8);
    if (stats.isSymbolicLink()) content.set(name, `link ${readlinkSync(at)}`);
    else if (stats.isFile()) content.set(name, `file ${mode} ${readFileSync(at, 'latin1')}`);
    else content.set(name, `other ${mode}`);
    if (!stats.isDirectory()) return;
    for (const child of readdirSync(at, 'buffer'))
      look(Buffer.concat([at, Buffer.from('/'), child]), `${name}/${child.toString('latin1')}`);
  };
  look(Buffer.from(root), '');
  return content;
};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-pooled-'));
  base = join(directory, 'base');
  path = join(directory, 'tree');
  write(base, 'README.md', 'read me');
  write(base, 'src/a.js', 'aaaa');
  write(base, 'src/b.js', 'bbbb');
  write(base, 'src/lib/deep/c.js', 'cccc');
  write(base, '.git/HEAD', 'ref');
  chmodSync(join(base, 'src/b.js'), 0o755);
  symlinkSync('src/a.js', join(base, 'link'));
  symlinkSync('nowhere', join(base, 'dangling'));
  symlinkSync('src', join(base, 'directory-link'));
  mkdirSync(join(base, 'empty'));
  writeFileSync(oddly(base), 'not text');
  tree = PooledTree.copyOf(base, path);
  tree.hand();
});
afterEach(() => removeTree(directory));

/** Waits until what was written so far bears stamps that are old enough to be trusted. */
const stampsAreOld = (): void => {
  const youngest = Number(statSync(join(path, 'src/a.js'), { bigint: true }).ctimeNs / 1_000_000n);
  while (Date.now() < youngest + 40);
  tree.hand();
};

describe('A workspace of the pool', () => {
  it('is a copy of its checkout, and none of its files are the same file', () => {
    expect(contentOf(path)).toEqual(contentOf(base));
    expect(statSync(join(path, 'README.md')).ino).not.toBe(statSync(join(base, 'README.md')).ino);
  });

  const changes: [string, () => void][] = [
    ['nothing', () => undefined],
    ['changed a file', () => appendFileSync(join(path, 'README.md'), '!')],
    ['changed a file and kept its size', () => writeFileSync(join(path, 'src/a.js'), 'AAAA')],
    ['emptied a file', () => writeFileSync(join(path, 'src/a.js'), '')],
    ['removed a file', () => rmSync(join(path, 'src/a.js'))],
    ['removed a directory', () => rmSync(join(path, 'src'), { recursive: true })],
    ['added files and directories', () => write(path, 'dist/x/y.js', 'new')],
    ['added a file whose name is no text', () => writeFileSync(oddly(join(path, 'src')), 'left for the next job')],
    ['changed a file whose name is no text', () => writeFileSync(oddly(path), 'changed')],
    ['renamed a file', () => renameSync(join(path, 'src/a.js'), join(path, 'src/z.js'))],
    ['put one file over another', () => renameSync(join(path, 'src/a.js'), join(path, 'src/b.js'))],
    [
      'swapped two files',
      () => {
        renameSync(join(path, 'src/a.js'), join(path, 'x'));
        renameSync(join(path, 'src/b.js'), join(path, 'src/a.js'));
        renameSync(join(path, 'x'), join(path, 'src/b.js'));
      },
    ],
    [
      'swapped two directories',
      () => {
        renameSync(join(path, 'src'), join(path, 'x'));
        renameSync(join(path, 'empty'), join(path, 'src'));
        renameSync(join(path, 'x'), join(path, 'empty'));
      },
    ],
    ['made a file executable', () => chmodSync(join(path, 'README.md'), 0o755)],
    ['made a file setuid', () => chmodSync(join(path, 'src/b.js'), 0o4755)],
    ['made a directory read-only', () => chmodSync(join(path, 'src/lib'), 0o500)],
    ['made a directory sticky', () => chmodSync(join(path, 'src'), 0o1777)],
    ['closed the whole workspace', () => chmodSync(path, 0)],
    [
      'set a modification time back',
      () => {
        const { atime, mtime } = statSync(join(path, 'src/a.js'));
        writeFileSync(join(path, 'src/a.js'), 'AAAA');
        utimesSync(join(path, 'src/a.js'), atime, mtime);
      },
    ],
    [
      'changed a link',
      () => {
        rmSync(join(path, 'link'));
        symlinkSync('README.md', join(path, 'link'));
      },
    ],
    [
      'put a link in the place of a file',
      () => {
        rmSync(join(path, 'src/a.js'));
        symlinkSync('b.js', join(path, 'src/a.js'));
      },
    ],
    [
      'put a file in the place of a directory',
      () => {
        rmSync(join(path, 'src'), { recursive: true });
        writeFileSync(join(path, 'src'), 'x');
      },
    ],
    [
      'put a directory in the place of a file',
      () => {
        rmSync(join(path, 'README.md'));
        write(path, 'README.md/in/it', 'x');
      },
    ],
    [
      'put a pipe in the place of a file',
      () => {
        rmSync(join(path, 'README.md'));
        execFileSync('mkfifo', [join(path, 'README.md')]);
      },
    ],
    [
      'changed a file through another name of it',
      () => {
        linkSync(join(path, 'src/a.js'), join(directory, 'other-name'));
        writeFileSync(join(directory, 'other-name'), 'AAAA');
      },
    ],
    [
      'left read-only directories behind',
      () => {
        write(path, 'go/pkg/mod/x', 'x');
        for (const name of ['go/pkg/mod', 'go/pkg', 'go']) chmodSync(join(path, name), 0o555);
      },
    ],
    ['nested directories deeper than a path can say', () => nestDeeply(path)],
  ];
  describe.each([
    ['at once', () => undefined],
    ['later', stampsAreOld],
  ])('that a job was given %s', (_when, waiting) => {
    it.each(changes)('is equal to its checkout again when the job has %s', (_what, change) => {
      const expected = contentOf(base);
      waiting();
      change();

      tree.restore();

      expect(contentOf(path)).toEqual(expected);
      expect(contentOf(base)).toEqual(expected);
    });
  });

  it('does not touch what a link in the place of a directory leads to', () => {
    const outside = join(directory, 'outside');
    write(outside, 'lib/precious', 'x');
    const before = contentOf(outside);
    rmSync(join(path, 'src'), { recursive: true });
    symlinkSync(outside, join(path, 'src'));

    tree.restore();

    expect(contentOf(outside)).toEqual(before);
    expect(contentOf(path)).toEqual(contentOf(base));
  });

  it('is given up, and nothing is touched, when a link lies in its own place', () => {
    const outside = join(directory, 'outside');
    write(outside, 'precious', 'x');
    rmSync(path, { recursive: true });
    symlinkSync(outside, path);

    expect(() => tree.restore()).toThrow('was replaced');

    expect(readdirSync(outside)).toEqual(['precious']);
  });

  it('is given up when it is gone', () => {
    rmSync(path, { recursive: true });

    expect(() => tree.restore()).toThrow('was replaced');
  });

  it('notices a change again and again', () => {
    for (const text of ['AAAA', 'BBBB', 'aaaa']) {
      tree.hand();
      writeFileSync(join(path, 'src/a.js'), text);
      tree.restore();
      expect(contentOf(path)).toEqual(contentOf(base));
    }
  });

  it('leaves alone what nobody has changed', () => {
    stampsAreOld();
    writeFileSync(join(path, 'src/b.js'), 'x');
    const before = statSync(join(path, 'src/a.js'), { bigint: true });

    tree.restore();

    expect(statSync(join(path, 'src/a.js'), { bigint: true })).toMatchObject({
      ino: before.ino,
      ctimeNs: before.ctimeNs,
    });
  });

  it('is equal to its checkout again, whatever jobs have done to it', () => {
    const expected = contentOf(base);
    const place = fc.constantFrom(
      'README.md',
      'src',
      'src/a.js',
      'src/b.js',
      'src/lib',
      'src/lib/deep/c.js',
      'link',
      'new',
    );
    const mutation = fc.tuple(fc.constantFrom('write', 'remove', 'rename', 'chmod', 'link', 'mkdir'), place, place);
    const mutate = ([kind, one, other]: [string, string, string]): void => {
      try {
        if (kind === 'write') writeFileSync(join(path, one), 'AAAA');
        else if (kind === 'remove') rmSync(join(path, one), { recursive: true });
        else if (kind === 'rename') renameSync(join(path, one), join(path, other));
        else if (kind === 'chmod') chmodSync(join(path, one), 0o750);
        else if (kind === 'link') symlinkSync(other, join(path, one));
        else mkdirSync(join(path, one), { recursive: true });
      } catch {
        // Some mutations are not possible after others; what counts is what they leave.
      }
    };
    fc.assert(
      fc.property(fc.array(fc.array(mutation, { maxLength: 12 }), { maxLength: 3 }), (jobs) => {
        for (const job of jobs) {
          tree.hand();
          job.forEach(mutate);
          tree.restore();
          expect(contentOf(path)).toEqual(expected);
        }
      }),
      { numRuns: 150 },
    );
    expect(contentOf(base)).toEqual(expected);
  });
});

describe('Removing a tree', () => {
  it('is nothing when there is none', () => {
    expect(() => removeTree(join(directory, 'none'))).not.toThrow();
  });

  it('removes a link and not what it leads to', () => {
    symlinkSync(base, join(directory, 'to-base'));

    removeTree(join(directory, 'to-base'));

    expect([existsSync(join(directory, 'to-base')), existsSync(join(base, 'README.md'))]).toEqual([false, true]);
  });

  it('goes on where it was interrupted, whatever the names in the tree', () => {
    nestDeeply(path);
    mkdirSync(join(path, '.removing-0'));
    writeFileSync(oddly(join(path, '.removing-0')), 'x');

    removeTree(path);

    expect(existsSync(path)).toBe(false);
    expect(existsSync(join(base, 'README.md'))).toBe(true);
  });
});
