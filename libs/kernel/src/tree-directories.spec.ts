import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TreeDirectories } from './tree-directories.ts';

describe('Directories of a tree', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'foldline-directories-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('are new where there was none, or something else', () => {
    mkdirSync(join(root, 'there'));
    symlinkSync('there', join(root, 'link'));
    const directories = new TreeDirectories(root);
    for (const path of ['there/file', 'there/below/file', 'link/file', 'new/file'])
      directories.makeFor({ kind: 'file', path });

    const isNew = ['there', 'there/below', 'link', 'new'].filter((path) => directories.isNew(path));
    expect(isNew).toEqual(['there/below', 'link', 'new']);
  });

  it('are not new because something is put into them twice', () => {
    new TreeDirectories(root).makeFor({ kind: 'file', path: 'a/file' });
    const again = new TreeDirectories(root);
    again.makeFor({ kind: 'file', path: 'a/file' });

    expect(again.isNew('a')).toBe(false);
  });
});
