import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { shellWord, stepScript } from '@foldline/contracts';
import { statusOf } from '@foldline/docker';
import {
  SiteUnavailable,
  TransientError,
  type Execution,
  type ExecutionResult,
  type ExecutionSpec,
  type ImageInUse,
  type Site,
} from '@foldline/kernel';
import { changedOutside, type Change } from './changed-outside.ts';
import { ContainerExecution, type ContainerHandle } from './container-execution.ts';
import { DiskWatch } from './disk-watch.ts';
import { fromDockerError } from './docker-error.ts';
import type { Ownership } from './ownership.ts';
import type { PreparedContainer } from './prepared-container.ts';
import { removed } from './removed.ts';
import type { Placed } from './slot.ts';

const run = promisify(execFile);

const KILLED = 137;
const TERMINATED = 143;
const ENDING_MS = 5_000;
const POLL_MS = 20;

const SHELL_OPTIONS = { bash: 'set -eo pipefail', sh: 'set -e' } as const;

type Occupation = {
  /** When the job's directories may be moved. */
  filled: Promise<void> | undefined;
  workspace: string;
  placed: readonly Placed[];
  ownership: Ownership;
  images: readonly ImageInUse[];
  /** What each step is told, whatever its variables say. */
  environment: Readonly<Record<string, string>>;
  diskBytes?: number;
  isWarm: boolean;
  hasServices: boolean;
  /** Whether it was removed because nobody carries out the attempt any more. */
  isSwept: () => boolean;
  /** Removes the container and what goes with it. */
  release: () => Promise<void>;
};

/** A container with the shell that runs the job's steps. */
export class ContainerSite implements Site, ContainerHandle {
  #isClosed = false;
  #isKilled = false;
  /** Nothing of the job is running. */
  #isQuiet = true;
  readonly #before = { kills: 0, counters: {} };

  /** From now on the container is this job's. */
  static async open(prepared: PreparedContainer, occupation: Occupation): Promise<ContainerSite> {
    const site = new ContainerSite(prepared, occupation);
    try {
      await occupation.filled;
      prepared.slot.moveIn(occupation.placed);
      await occupation.ownership.give();
      return site;
    } catch (error) {
      await site.close();
      throw error;
    }
  }

  private constructor(
    private readonly prepared: PreparedContainer,
    private readonly occupation: Occupation,
  ) {}

  get images(): readonly ImageInUse[] {
    return this.occupation.images;
  }

  get isWarm(): boolean {
    return this.occupation.isWarm;
  }

  async start({ commands, environment, onOutput }: ExecutionSpec): Promise<Execution> {
    const { greeting, shell: resident } = this.prepared;
    const { shell } = greeting;
    const { text } = stepScript(SHELL_OPTIONS[shell], commands);
    const { ownership, environment: fixed } = this.occupation;
    const variables = { ...ownership.environment, ...environment, ...fixed };
    const script = `${exportsOf(variables)}cd ${shellWord(this.occupation.workspace)} || exit 1\n${text}`;
    this.#isQuiet = false;
    const execution = new ContainerExecution(resident, this, this.#before, { shell, script, onOutput });
    const watched = this.#watched(execution);
    watched.finished.then(
      () => (this.#isQuiet = true),
      () => undefined,
    );
    return watched;
  }

  /** Whatever steps have made elsewhere in the container ends with it. */
  async lend(work: () => Promise<void>): Promise<string | undefined> {
    const { container, slot } = this.prepared;
    if (!this.occupation.ownership.isShared) return 'the user of its container is another one than that of its runner';
    const outside = changedOutside(((await container.changes()) as Change[] | null) ?? []);
    if (outside) return `its steps have changed the container outside of its workspace (${outside})`;
    return (await slot.lend(work)) ? undefined : 'it has moved or removed its workspace';
  }

  /** The step is ended when the job uses more of the disk than it may. */
  #watched(execution: Execution): Execution {
    const { diskBytes } = this.occupation;
    if (diskBytes === undefined) return execution;
    const watch = new DiskWatch(
      () => this.#diskUsed(),
      diskBytes,
      () => execution.stop(0),
    );
    const finished = execution.finished
      .then((result): ExecutionResult => (watch.isOver ? { ...result, outOfDisk: true } : result))
      .finally(() => watch.stop());
    return { finished, stop: (graceMs) => execution.stop(graceMs) };
  }

  /** Of what belongs to the job, and of what it has written into the container and its volumes. */
  async #diskUsed(): Promise<number> {
    const { container, slot } = this.prepared;
    const [inSlot, { SizeRw = 0, Mounts }] = await Promise.all([
      sizeOf(slot.builds),
      container.inspect({ size: true } as object) as Promise<Docker.ContainerInspectInfo & { SizeRw?: number }>,
    ]);
    const volumes = Mounts.filter(({ Type }) => Type === 'volume');
    const inVolumes = await Promise.all(volumes.map(({ Source }) => sizeOf(Source)));
    return inVolumes.reduce((sum, each) => sum + each, inSlot + SizeRw);
  }

  async signal(name: 'TERM' | 'KILL'): Promise<void> {
    const { container } = this.prepared;
    try {
      const asked = await container.exec({ Cmd: ['sh', '-c', `kill -${name} -1`] });
      const answer = await asked.start({ Detach: true });
      // Nothing comes, and the connection would stay open for it.
      answer.destroy();
    } catch (error) {
      // Where no process can be added, a fork bomb's container for one, all of it is ended.
      if (name !== 'KILL') throw error;
      this.#isKilled = true;
      await container.kill();
    }
  }

  /**
   * Nothing in the container can end its first process but the lack of memory, so what we did not do somebody else did
   * who has the daemon: most likely the daemon itself, on its way down.
   */
  async ending(): Promise<ExecutionResult> {
    const state = await this.#stateAtEnd();
    if (this.#isKilled || this.occupation.isSwept()) return { signal: 'SIGKILL' };
    if (state?.OOMKilled) return { exitCode: KILLED, outOfMemory: true };
    if (state && ![KILLED, TERMINATED].includes(state.ExitCode))
      throw new TransientError(`the container of the job ended with exit code ${state.ExitCode}`);
    const how = state ? `was ended from outside (exit code ${state.ExitCode})` : 'was removed while it ran';
    throw new SiteUnavailable('docker_unavailable', `the container of the job ${how}`);
  }

  /** Nothing when it is gone. Its output may end a moment before the daemon knows that it has. */
  async #stateAtEnd(): Promise<{ ExitCode: number; OOMKilled: boolean } | undefined> {
    const deadline = performance.now() + ENDING_MS;
    for (;;) {
      const found = await this.prepared.container.inspect().catch((error: unknown) => {
        if (statusOf(error) === 404) return undefined;
        throw fromDockerError(error, 'ask how the container of a job ended');
      });
      if (!found?.State.Running || performance.now() > deadline) return found?.State;
      await delay(POLL_MS);
    }
  }

  /**
   * After a step only the shell is left, so nobody need wait for the daemon to take the container away. What may still be
   * running goes first: it must not reach what is taken from it. What cannot be removed now is tried again, and changes
   * nothing of how the job has ended.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { ownership, hasServices, release } = this.occupation;
    try {
      if (!this.#isQuiet) await removed(this.prepared.container);
      await ownership.takeBack();
    } catch (error) {
      throw fromDockerError(error, 'take back the directories of a job');
    } finally {
      const gone = release().catch(() => undefined);
      if (hasServices) await gone;
    }
  }
}

/** What cannot be read, where the runner is not root, counts nothing. */
const sizeOf = async (directory: string): Promise<number> => {
  const { stdout } = await run('du', ['-skx', '--', directory]).catch((error: { stdout?: string }) => ({
    stdout: error.stdout ?? '',
  }));
  return 1024 * (Number.parseInt(stdout, 10) || 0);
};

const exportsOf = (environment: Readonly<Record<string, string>>): string =>
  Object.entries(environment)
    .map(([name, value]) => `export ${name}=${shellWord(value)}\n`)
    .join('');
