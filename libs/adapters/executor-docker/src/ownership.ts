import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type User = { uid: number; gid: number };

const ROOT = 0;

export const thisProcess = (): User => ({ uid: process.getuid!(), gid: process.getgid!() });

/** Runs a program as root that sees the directories, where the runner itself may not. */
export type AsRoot = (command: readonly string[]) => Promise<void>;

/**
 * Whose the directories of a job are. A job that is not root in its container is given them, and the runner gets them
 * back: it could neither use, read nor remove what somebody else has made there.
 */
export class Ownership {
  #isAway: boolean;

  static async of(job: User, runner: User, directories: readonly string[], asRoot: AsRoot): Promise<Ownership> {
    const ownership = new Ownership(job, runner, directories, asRoot);
    // Root reaches everything anyway.
    if (job.uid !== ROOT && job.uid !== runner.uid) await ownership.give(job);
    return ownership;
  }

  private constructor(
    job: User,
    private readonly runner: User,
    private readonly directories: readonly string[],
    private readonly asRoot: AsRoot,
  ) {
    this.#isAway = job.uid !== runner.uid;
  }

  async giveBack(): Promise<void> {
    if (!this.#isAway) return;
    this.#isAway = false;
    await this.give(this.runner);
  }

  private async give({ uid, gid }: User): Promise<void> {
    const change = ['-R', '-h', `${uid}:${gid}`, '--', ...this.directories];
    if (this.runner.uid === ROOT) await run('chown', change);
    else await this.asRoot(['chown', ...change]);
  }
}
