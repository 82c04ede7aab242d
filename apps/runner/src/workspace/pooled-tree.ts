import {
  chmodSync,
  constants,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  type BigIntStats,
} from 'node:fs';
import { join } from 'node:path';
import { PermanentError } from '@foldline/kernel';
import { removeTree } from './remove-tree.ts';

type Seen = { inode: bigint; changed: bigint; mode: bigint };

/** Time within which two changes of a file can bear the same stamp, in nanoseconds; kernels stamp by the tick. */
const STAMP_NS = 20_000_000n;
const NS_PER_MS = 1_000_000n;
const PERMISSIONS = 0o7777n;
/** Names of files are bytes and need not be text: with one character for each byte none is mistaken for another. */
const NAMES = 'latin1';

/**
 * A copy of a checkout that is given to one job after another. After each job it is made equal to the checkout again,
 * at the cost of what the job changed: every entry is known by its inode and by its change time, which the kernel sets
 * at any change of content or attributes and no program can set back. An entry whose stamp is too young to tell a
 * change of the same tick apart is compared byte by byte.
 */
export class PooledTree {
  private readonly seen = new Map<string, Seen>();
  private takenAt = 0n;

  private constructor(
    private readonly base: string,
    public path: string,
  ) {}

  static copyOf(base: string, path: string): PooledTree {
    const tree = new PooledTree(base, path);
    tree.copyDirectory('');
    return tree;
  }

  /** Entries that are remembered: what an idle tree costs in memory. */
  get size(): number {
    return this.seen.size;
  }

  /** From now on somebody may change it. */
  hand(): void {
    this.takenAt = BigInt(Date.now()) * NS_PER_MS;
  }

  /** Makes it equal to its checkout again. Throws when it is not the directory any more that was handed out. */
  restore(): void {
    // In its place may be a link to a directory that nobody meant to give away.
    if (!this.isSameDirectory('')) throw new PermanentError('the workspace was replaced');
    this.restoreDirectory('');
  }

  private restoreDirectory(directory: string): void {
    const expected = new Map(
      readdirSync(at(this.base, directory), { encoding: NAMES, withFileTypes: true }).map((entry) => [
        entry.name,
        entry,
      ]),
    );
    for (const name of readdirSync(at(this.path, directory), NAMES)) {
      if (!expected.has(name)) removeTree(at(this.path, join(directory, name)));
    }
    for (const [name, entry] of expected) {
      const relative = join(directory, name);
      if (entry.isDirectory() && this.isSameDirectory(relative)) this.restoreDirectory(relative);
      else if (entry.isDirectory() || !this.isUnchanged(relative, entry.isFile())) this.replace(relative);
    }
  }

  private isSameDirectory(relative: string): boolean {
    const stats = this.stats(relative);
    const seen = this.seen.get(relative);
    if (!stats?.isDirectory() || seen?.inode !== stats.ino) return false;
    if (seen.mode !== stats.mode) chmodSync(at(this.path, relative), Number(seen.mode & PERMISSIONS));
    return true;
  }

  private isUnchanged(relative: string, isFile: boolean): boolean {
    const stats = this.stats(relative);
    const seen = this.seen.get(relative);
    if (!stats || !seen || stats.ino !== seen.inode || stats.ctimeNs !== seen.changed) return false;
    if (stats.ctimeNs + STAMP_NS < this.takenAt) return true;
    return isFile && stats.mode === seen.mode && this.contentIsSame(relative);
  }

  private contentIsSame(relative: string): boolean {
    return readFileSync(at(this.path, relative)).equals(readFileSync(at(this.base, relative)));
  }

  private replace(relative: string): void {
    removeTree(at(this.path, relative));
    this.copy(relative);
  }

  private copyDirectory(directory: string): void {
    mkdirSync(at(this.path, directory));
    for (const name of readdirSync(at(this.base, directory), NAMES)) this.copy(join(directory, name));
    this.remember(directory);
  }

  /** Shares blocks where the file system can; never hard links, because a job may change its files in place. */
  private copy(relative: string): void {
    const source = at(this.base, relative);
    const target = at(this.path, relative);
    const stats = lstatSync(source);
    if (stats.isDirectory()) return this.copyDirectory(relative);
    if (stats.isSymbolicLink()) symlinkSync(readlinkSync(source, 'buffer'), target);
    else copyFileSync(source, target, constants.COPYFILE_FICLONE);
    this.remember(relative);
  }

  private remember(relative: string): void {
    const { ino, ctimeNs, mode } = this.stats(relative)!;
    this.seen.set(relative, { inode: ino, changed: ctimeNs, mode });
  }

  private stats(relative: string): BigIntStats | undefined {
    return lstatSync(at(this.path, relative), { bigint: true, throwIfNoEntry: false });
  }
}

/** The real path of what lies below a directory. */
const at = (root: string, relative: string): Buffer =>
  Buffer.concat([Buffer.from(`${root}/`), Buffer.from(relative, NAMES)]);
