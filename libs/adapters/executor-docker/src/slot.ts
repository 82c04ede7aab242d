import { lstatSync, mkdirSync, renameSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { PermanentError, SITE_ROOT } from '@foldline/kernel';

/** A directory of the host, and where a job finds it. */
export type Placed = { from: string; at: string };

/**
 * A directory of the host that a container sees as `/builds` from its beginning. What belongs to a job is moved into it
 * when the job is known, and moved back when it has ended: so a container can be ready before anybody knows for whom.
 */
export class Slot {
  #moved: (Placed & { to: string; inode: bigint })[] = [];

  static async make(directory: string): Promise<Slot> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const path = await mkdtemp(join(directory, 'slot-'));
    // Who the container's user is, is not known.
    await mkdir(join(path, 'builds'), { mode: 0o755 });
    return new Slot(path);
  }

  private constructor(private readonly path: string) {}

  /** What is mounted. */
  get builds(): string {
    return join(this.path, 'builds');
  }

  /** Where on the host the job's directories are now. */
  get directories(): string[] {
    return this.#moved.map(({ to }) => to);
  }

  /** At once: these take no time, and waiting for their turn takes the job's. */
  moveIn(placed: readonly Placed[]): void {
    for (const { from, at } of placed) {
      const below = relative(SITE_ROOT, at);
      if (below === '' || below.startsWith('..')) throw new PermanentError(`${at} is not below ${SITE_ROOT}`);
      const to = join(this.builds, below);
      mkdirSync(dirname(to), { recursive: true });
      moveThere(from, to);
      const { ino: inode } = lstatSync(to, { bigint: true });
      this.#moved.push({ from, at, to, inode });
    }
  }

  /**
   * Answers where the job's directories are again. In the place of one that the job has done away with may be a link to
   * what is none of its business, there or further up: that stays where it is, and an empty directory takes its place.
   */
  async moveOut(): Promise<string[]> {
    const moved = this.#moved.splice(0);
    for (const each of moved) {
      if (await isStillThere(each)) await rename(each.to, each.from);
      else await mkdir(each.from);
    }
    return moved.map(({ from }) => from);
  }

  /**
   * Where nothing of the job runs: its directories are where they were before while `work` goes on. Answers false, and
   * moves nothing, where the job has done away with one.
   */
  async lend(work: () => Promise<void>): Promise<boolean> {
    const lent = [...this.#moved];
    for (const each of lent) if (!(await isStillThere(each))) return false;
    await this.moveOut();
    try {
      await work();
    } finally {
      this.moveIn(lent);
    }
    return true;
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

const isStillThere = async ({ to, inode }: { to: string; inode: bigint }): Promise<boolean> => {
  const found = await lstat(to, { bigint: true }).catch(() => undefined);
  return found?.isDirectory() === true && found.ino === inode;
};

const moveThere = (from: string, to: string): void => {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new PermanentError(`there is no directory ${from}`);
    throw error;
  }
};
