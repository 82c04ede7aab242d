import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { stepScript } from '@foldline/contracts';
import {
  PermanentError,
  SiteUnavailable,
  TransientError,
  type Execution,
  type ExecutionResult,
  type ExecutionSpec,
  type Executor,
  type Site,
  type SiteSpec,
} from '@foldline/kernel';
import { ContainerExecution, type ContainerHandle } from './container-execution.ts';
import { LABEL, containerOptions, type ContainerLimits } from './container-options.ts';
import { fromDockerError, statusOf } from './docker-error.ts';
import { ensureImage } from './images.ts';
import { networkNamed } from './job-network.ts';
import { ResidentShell } from './resident-shell.ts';

const SHELL_OPTIONS = { bash: 'set -eo pipefail', sh: 'set -e' } as const;

export type DockerExecutorOptions = {
  /** Asked for when the first job needs it. */
  docker: () => Promise<Docker>;
  /** What tells the containers of this instance from those of others that share the daemon. */
  directory: string;
  /** The network of all jobs, in which they do not reach each other; made where it is not there. */
  network: string;
  limits: ContainerLimits;
};

/** Runs each job in a container of its own, of the image that it asks for. */
export const createDockerExecutor = (options: DockerExecutorOptions): Executor => new DockerExecutor(options);

class DockerExecutor implements Executor {
  readonly #instance: string;
  #network: Promise<string> | undefined;

  constructor(private readonly options: DockerExecutorOptions) {
    this.#instance = createHash('sha256').update(resolve(options.directory)).digest('hex').slice(0, 16);
  }

  kindOf(): string {
    return 'docker';
  }

  async open({ attemptId, workspace, container: asked }: SiteSpec, signal?: AbortSignal): Promise<Site> {
    if (!asked) throw new PermanentError('a job that names no image has no container');
    const { limits } = this.options;
    const docker = await this.options.docker();
    const instance = this.#instance;
    await ensureImage(docker, asked.image, signal);
    const mounts = [{ from: workspace, at: asked.workspaceAt }, ...asked.mounts];
    try {
      const network = await (this.#network ??= networkNamed(docker, this.options.network));
      const options = containerOptions({ attemptId, instance, ...asked, mounts, network, limits });
      const container = await docker.createContainer(options);
      return await ContainerSite.start(container, asked.workspaceAt);
    } catch (error) {
      // Somebody may have removed it.
      this.#network = undefined;
      throw fromDockerError(error, 'start the container of a job');
    }
  }

  async sweep(attemptId: string): Promise<{ killed: number }> {
    const label = [`${LABEL.attempt}=${attemptId}`, `${LABEL.instance}=${this.#instance}`];
    try {
      const docker = await this.options.docker();
      const found = await docker.listContainers({ all: true, filters: { label } });
      const killed = await Promise.all(found.map(({ Id }) => this.#remove(docker.getContainer(Id))));
      return { killed: killed.reduce((sum, each) => sum + each, 0) };
    } catch (error) {
      const failure = fromDockerError(error, 'remove what is left of a job');
      // A daemon that does not answer keeps nobody from starting: what it ran has ended with it.
      if (failure instanceof SiteUnavailable) return { killed: 0 };
      throw failure;
    }
  }

  /** Answers how many processes were in it. */
  async #remove(container: Docker.Container): Promise<number> {
    const processes = await container.top().then(
      ({ Processes }) => ((Processes as unknown[] | null) ?? []).length,
      () => 0,
    );
    await removed(container);
    return processes;
  }
}

/** A container that is gone already is as good as removed. */
const removed = async (container: Docker.Container): Promise<void> => {
  await container.remove({ force: true, v: true }).catch((error: unknown) => {
    if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
  });
};

/** A container with the shell that runs the job's steps. */
class ContainerSite implements Site, ContainerHandle {
  #isClosed = false;
  readonly #memory = { kills: 0 };

  static async start(container: Docker.Container, workspace: string): Promise<ContainerSite> {
    try {
      const stream = await container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true });
      await container.start();
      const resident = new ResidentShell(stream as Duplex);
      return new ContainerSite(container, resident, { shell: await resident.shell(), workspace });
    } catch (error) {
      await removed(container);
      throw error;
    }
  }

  private constructor(
    private readonly container: Docker.Container,
    private readonly resident: ResidentShell,
    private readonly place: { shell: 'bash' | 'sh'; workspace: string },
  ) {}

  async start({ commands, environment, onOutput }: ExecutionSpec): Promise<Execution> {
    const { shell, workspace } = this.place;
    const { text } = stepScript(SHELL_OPTIONS[shell], commands);
    const script = `${exportsOf(environment)}cd ${quoted(workspace)} || exit 1\n${text}`;
    return new ContainerExecution(this.resident, this, this.#memory, { shell, script, onOutput });
  }

  async signal(name: 'TERM' | 'KILL'): Promise<void> {
    try {
      const asked = await this.container.exec({ Cmd: ['sh', '-c', `kill -${name} -1`] });
      await asked.start({ Detach: true });
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
    await removed(this.container).catch((error: unknown) => {
      throw fromDockerError(error, 'remove the container of a job');
    });
    await this.resident.close();
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const exportsOf = (environment: Readonly<Record<string, string>>): string =>
  Object.entries(environment)
    .map(([name, value]) => `export ${name}=${quoted(value)}\n`)
    .join('');
