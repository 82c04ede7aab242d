import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SITE_ROOT } from '@foldline/kernel';
import type { Slot } from './slot.ts';

const run = promisify(execFile);

export type User = { uid: number; gid: number };

const ROOT = 0;

export const thisProcess = (): User => ({ uid: process.getuid!(), gid: process.getgid!() });

/**
 * Whose the directories of a job are. A job that is not root in its container is given them, and the runner takes them
 * back: it could neither use, read nor remove what somebody else has made there.
 */
export class Ownership {
  constructor(
    private readonly job: User,
    private readonly runner: User,
    private readonly slot: Slot,
    /** Runs a program as root that sees of the host what the container does, where the runner itself is not root. */
    private readonly asRoot: (command: readonly string[]) => Promise<void>,
  ) {}

  /** Root owns nothing here then, and git refuses to work in what is somebody else's unless it is told (`safe.directory`). */
  get environment(): Readonly<Record<string, string>> {
    const isForeign = this.job.uid === ROOT && this.runner.uid !== ROOT;
    return isForeign ? { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*' } : {};
  }

  /** Whether the runner may read all that the job writes without changing whose it is. */
  get isShared(): boolean {
    return this.job.uid === this.runner.uid;
  }

  /** Root reaches everything anyway. */
  async give(): Promise<void> {
    if (this.job.uid === ROOT || this.isShared) return;
    if (this.runner.uid === ROOT) await run('chown', changeTo(this.job, [this.slot.builds]));
    else await this.asRoot(['chown', ...changeTo(this.job, [SITE_ROOT])]);
  }

  /** What the job has put into its directories is not trusted: a link there leads nowhere from inside a container. */
  async takeBack(): Promise<void> {
    const isForeign = !this.isShared;
    if (isForeign && this.runner.uid !== ROOT) await this.asRoot(['chown', ...changeTo(this.runner, [SITE_ROOT])]);
    const directories = await this.slot.moveOut();
    if (isForeign && this.runner.uid === ROOT) await run('chown', changeTo(this.runner, directories));
  }
}

const changeTo = ({ uid, gid }: User, directories: readonly string[]): string[] => [
  '-R',
  '-h',
  `${uid}:${gid}`,
  '--',
  ...directories,
];
