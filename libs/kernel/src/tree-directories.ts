import {
  chmodSync,
  constants,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

type Place = { path: string };
type Directory = Place & { mode: number; mtime?: number };
type Link = Place & { target: string; mtime?: number };

/** Of directories that are put back: without it nothing could be written to them or removed. */
export const OWNER_MAY_WRITE = 0o700;

/**
 * The directories and links of a tree that is put into a directory. What lies there may be hostile: nothing is ever
 * written through a symbolic link. Times are seconds since 1970.
 */
export class TreeDirectories {
  private readonly made = new Set<string>(['.']);
  private readonly ours = new Set<string>();

  constructor(private readonly root: string) {}

  /** The directory, or the one that something lies in. */
  makeFor(entry: Place & { kind: 'file' | 'dir' | 'link' }): void {
    this.make(entry.kind === 'dir' ? entry.path : dirname(entry.path));
  }

  /** Whether a directory was not there before, so that nothing is in it but what came with the tree. */
  isNew(path: string): boolean {
    return this.ours.has(path);
  }

  link({ path, target, mtime }: Link): void {
    const place = join(this.root, path);
    clear(place);
    symlinkSync(target, place);
    if (mtime !== undefined) lutimesSync(place, mtime, mtime);
  }

  /** Removes what is there, unless the way to it leads through a link. */
  remove(path: string): void {
    for (let above = dirname(path); above !== '.'; above = dirname(above))
      if (!lstatSync(join(this.root, above), { throwIfNoEntry: false })?.isDirectory()) return;
    clear(join(this.root, path));
  }

  /** What a directory is like, once everything is in it. */
  finish({ path, mode, mtime }: Directory): void {
    const place = join(this.root, path);
    chmodSync(place, mode | OWNER_MAY_WRITE);
    if (mtime !== undefined) utimesSync(place, mtime, mtime);
  }

  /** Makes a directory and those above it; a link or file in its place is removed, so that no path leads elsewhere. */
  private make(path: string): void {
    if (this.made.has(path)) return;
    this.make(dirname(path));
    const place = join(this.root, path);
    const there = lstatSync(place, { throwIfNoEntry: false });
    if (there && !there.isDirectory()) rmSync(place);
    if (!there?.isDirectory()) {
      mkdirSync(place);
      this.ours.add(path);
    }
    this.made.add(path);
  }
}

const FRESH = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** A new file, in place of what is there. It has fewer permissions than `mode` where the process masks them. */
export const openFresh = (path: string, mode: number): number => {
  try {
    return openSync(path, FRESH, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // Never written through: what is there may be a link to anywhere, or shared with another name.
    clear(path);
    return openSync(path, FRESH, mode);
  }
};

/** Removes what is in the place of a file or link. */
export const clear = (place: string): void => {
  if (lstatSync(place, { throwIfNoEntry: false })) rmSync(place, { recursive: true });
};
