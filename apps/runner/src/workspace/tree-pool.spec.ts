import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { removeTree } from './remove-tree.ts';
import { TreePool } from './tree-pool.ts';

let directory: string;
let base: string;
let pool: TreePool;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-pool-'));
  base = join(directory, 'base');
  mkdirSync(base);
  writeFileSync(join(base, 'README.md'), 'read me');
  pool = new TreePool(join(directory, 'idle'));
});
afterEach(() => removeTree(directory));

/** Gives a job a workspace; answers which directory it is, wherever that is moved later. */
const take = (name: string, key = 'commit-true'): { target: string; inode: number } => {
  const target = join(directory, name);
  pool.perform({ kind: 'take', key, base, target, journal: { path: `${target}.json`, text: `job ${name}` } });
  return { target, inode: statSync(target).ino };
};
const giveBack = (target: string): void => pool.perform({ kind: 'giveBack', target });

describe('The pool of workspaces', () => {
  it('gives a job a copy of the checkout, and writes down whose it is', () => {
    const { target } = take('one');

    expect(readFileSync(join(target, 'README.md'), 'utf8')).toBe('read me');
    expect(readFileSync(`${target}.json`, 'utf8')).toBe('job one');
  });

  it('leaves nothing of what lay in its place', () => {
    mkdirSync(join(directory, 'one'));
    writeFileSync(join(directory, 'one', 'before'), 'x');
    const first = take('one');
    giveBack(first.target);
    mkdirSync(join(directory, 'one'));
    writeFileSync(join(directory, 'one', 'before'), 'x');

    expect(take('one').inode).toBe(first.inode);
    expect(readdirSync(first.target)).toEqual(['README.md']);
  });

  it('gives jobs at the same time different directories', () => {
    expect(take('one').inode).not.toBe(take('two').inode);
  });

  it('gives the next job of the same key the same directory, as if nobody had been there', () => {
    const first = take('one');
    appendFileSync(join(first.target, 'README.md'), 'changed');
    writeFileSync(join(first.target, 'secret'), 'x');
    giveBack(first.target);

    const second = take('two');

    expect(second.inode).toBe(first.inode);
    expect(existsSync(first.target)).toBe(false);
    expect(readdirSync(second.target)).toEqual(['README.md']);
    expect(readFileSync(join(second.target, 'README.md'), 'utf8')).toBe('read me');
  });

  it('gives a job of another key another directory', () => {
    const first = take('one', 'commit-true');
    giveBack(first.target);

    expect(take('two', 'commit-false').inode).not.toBe(first.inode);
  });

  it('removes what it never gave, and what it got back already', () => {
    const { target } = take('one');
    giveBack(target);
    mkdirSync(target);

    giveBack(target);
    giveBack(join(directory, 'never'));

    expect(existsSync(target)).toBe(false);
  });

  it('does not keep a workspace that was replaced', () => {
    const first = take('one');
    removeTree(first.target);
    mkdirSync(first.target);
    writeFileSync(join(first.target, 'poison'), 'x');
    giveBack(first.target);

    expect(existsSync(first.target)).toBe(false);
    expect(readdirSync(take('two').target)).toEqual(['README.md']);
  });

  it('keeps so many waiting and removes the others', () => {
    const targets = Array.from({ length: 30 }, (_, n) => take(`job-${n}`).target);
    targets.forEach(giveBack);

    expect(readdirSync(join(directory, 'idle'))).toHaveLength(24);
  });

  it('keeps only so many entries waiting, however few workspaces hold them', () => {
    pool = new TreePool(join(directory, 'idle'), { trees: 24, entries: 5 });
    const targets = Array.from({ length: 3 }, (_, n) => take(`job-${n}`).target);
    targets.forEach(giveBack);

    expect(readdirSync(join(directory, 'idle'))).toHaveLength(2);
  });

  it('begins empty, whatever an earlier process has left', () => {
    giveBack(take('one').target);
    const [left] = readdirSync(join(directory, 'idle'));

    pool = new TreePool(join(directory, 'idle'));

    expect(left).toBeDefined();
    expect(readdirSync(join(directory, 'idle'))).toEqual([]);
  });

  it('removes what it is told to', () => {
    pool.perform({ kind: 'remove', path: base });

    expect(existsSync(base)).toBe(false);
  });
});
