import { stepScript } from '@foldline/contracts';
import {
  TransientError,
  type Execution,
  type ExecutionResult,
  type ExecutionSpec,
  type ImageInUse,
  type Site,
} from '@foldline/kernel';
import { ContainerExecution, type ContainerHandle } from './container-execution.ts';
import { fromDockerError, statusOf } from './docker-error.ts';
import type { Ownership } from './ownership.ts';
import type { PreparedContainer } from './prepared-container.ts';
import { quoted } from './quoted.ts';
import { removed } from './removed.ts';
import type { Placed } from './slot.ts';

const SHELL_OPTIONS = { bash: 'set -eo pipefail', sh: 'set -e' } as const;

type Occupation = {
  workspace: string;
  placed: readonly Placed[];
  ownership: Ownership;
  images: readonly ImageInUse[];
  isWarm: boolean;
  hasServices: boolean;
  /** Removes the container and what goes with it. */
  release: () => Promise<void>;
};

/** A container with the shell that runs the job's steps. */
export class ContainerSite implements Site, ContainerHandle {
  #isClosed = false;
  /** Nothing of the job is running. */
  #isQuiet = true;
  readonly #memory = { kills: 0 };

  /** From now on the container is this job's. */
  static async open(prepared: PreparedContainer, occupation: Occupation): Promise<ContainerSite> {
    const site = new ContainerSite(prepared, occupation);
    try {
      await prepared.slot.moveIn(occupation.placed);
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
    const script = `${exportsOf(environment)}cd ${quoted(this.occupation.workspace)} || exit 1\n${text}`;
    this.#isQuiet = false;
    const execution = new ContainerExecution(resident, this, this.#memory, { shell, script, onOutput });
    execution.finished.then(
      () => (this.#isQuiet = true),
      () => undefined,
    );
    return execution;
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
      if (name === 'KILL') await container.kill();
      else throw error;
    }
  }

  async ending(): Promise<ExecutionResult> {
    const found = await this.prepared.container.inspect().catch((error: unknown) => {
      if (statusOf(error) === 404) return undefined;
      throw fromDockerError(error, 'ask how the container of a job ended');
    });
    if (!found || found.State.ExitCode === 137) return { signal: 'SIGKILL' };
    throw new TransientError(`the container of the job ended with exit code ${found.State.ExitCode}`);
  }

  /**
   * After a step only the shell is left, so nobody need wait for the daemon to take the container away. What may still be
   * running goes first: it must not reach what is taken from it.
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
      const gone = release();
      if (hasServices) await gone;
      else gone.catch(() => undefined);
    }
  }
}

const exportsOf = (environment: Readonly<Record<string, string>>): string =>
  Object.entries(environment)
    .map(([name, value]) => `export ${name}=${quoted(value)}\n`)
    .join('');
