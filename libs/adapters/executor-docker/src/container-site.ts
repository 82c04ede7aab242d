import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { stepScript } from '@foldline/contracts';
import {
  SiteUnavailable,
  TransientError,
  type Execution,
  type ExecutionResult,
  type ExecutionSpec,
  type ImageInUse,
  type Site,
} from '@foldline/kernel';
import { ContainerExecution, type ContainerHandle } from './container-execution.ts';
import { fromDockerError, statusOf } from './docker-error.ts';
import type { Ownership, User } from './ownership.ts';
import { removed } from './removed.ts';
import { ResidentShell, ShellGone, type Greeting } from './resident-shell.ts';

const SHELL_OPTIONS = { bash: 'set -eo pipefail', sh: 'set -e' } as const;

type Place = { workspace: string; images: readonly ImageInUse[] };
type Surroundings = Place & {
  /** Whose the directories of the job are, once it is known who it is. */
  ownershipFor: (job: User) => Promise<Ownership>;
  /** Removes what goes with the container. */
  after: () => Promise<void>;
};

/** A container with the shell that runs the job's steps. */
export class ContainerSite implements Site, ContainerHandle {
  #isClosed = false;
  readonly #memory = { kills: 0 };

  /** Starts a container that was made. What cannot be used is removed. */
  static async start(container: Docker.Container, around: Surroundings): Promise<ContainerSite> {
    const [{ image } = { image: '' }] = around.images;
    try {
      const stream = await container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true });
      await started(container, image);
      const resident = new ResidentShell(stream as Duplex);
      const greeting = await greeted(container, resident, image);
      const ownership = await around.ownershipFor(greeting);
      return new ContainerSite(container, resident, { ...around, shell: greeting.shell }, ownership);
    } catch (error) {
      await removed(container);
      throw error;
    }
  }

  private constructor(
    private readonly container: Docker.Container,
    private readonly resident: ResidentShell,
    private readonly place: Surroundings & Pick<Greeting, 'shell'>,
    private readonly ownership: Ownership,
  ) {}

  get images(): readonly ImageInUse[] {
    return this.place.images;
  }

  async start({ commands, environment, onOutput }: ExecutionSpec): Promise<Execution> {
    const { shell, workspace } = this.place;
    const { text } = stepScript(SHELL_OPTIONS[shell], commands);
    const script = `${exportsOf(environment)}cd ${quoted(workspace)} || exit 1\n${text}`;
    return new ContainerExecution(this.resident, this, this.#memory, { shell, script, onOutput });
  }

  async signal(name: 'TERM' | 'KILL'): Promise<void> {
    try {
      const asked = await this.container.exec({ Cmd: ['sh', '-c', `kill -${name} -1`] });
      const answer = await asked.start({ Detach: true });
      // Nothing comes, and the connection would stay open for it.
      answer.destroy();
    } catch (error) {
      // Where no process can be added, a fork bomb's container for one, all of it is ended.
      if (name === 'KILL') await this.container.kill();
      else throw error;
    }
  }

  async ending(): Promise<ExecutionResult> {
    const found = await this.container.inspect().catch((error: unknown) => {
      if (statusOf(error) === 404) return undefined;
      throw fromDockerError(error, 'ask how the container of a job ended');
    });
    if (!found || found.State.ExitCode === 137) return { signal: 'SIGKILL' };
    throw new TransientError(`the container of the job ended with exit code ${found.State.ExitCode}`);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      await removed(this.container);
      await this.ownership.giveBack();
    } catch (error) {
      throw fromDockerError(error, 'remove the container of a job');
    } finally {
      await this.resident.close();
      await this.place.after();
    }
  }
}

/** That there is no shell to start is found only by starting it. */
const started = async (container: Docker.Container, image: string): Promise<void> => {
  try {
    await container.start();
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined || status >= 500) throw error;
    throw new SiteUnavailable('image_unusable', `the image ${image} ${NO_SHELL}: ${(error as Error).message}`);
  }
};

const NO_SHELL = 'has no shell that could run the commands of a job';

const greeted = async (container: Docker.Container, resident: ResidentShell, image: string): Promise<Greeting> => {
  try {
    return await resident.greeting();
  } catch (error) {
    if (!(error instanceof ShellGone)) throw error;
    const { State } = await container.inspect();
    throw new SiteUnavailable(
      'image_unusable',
      `the image ${image} ${NO_SHELL}: its container ended with exit code ${State.ExitCode} instead of waiting for them. ` +
        'Its entrypoint must run what it is given; `entrypoint: [""]` under `image` takes it away',
    );
  }
};

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const exportsOf = (environment: Readonly<Record<string, string>>): string =>
  Object.entries(environment)
    .map(([name, value]) => `export ${name}=${quoted(value)}\n`)
    .join('');
