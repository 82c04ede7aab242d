import { createHash } from 'node:crypto';
import { closeSync, rmSync, fstatSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stepScript } from '@foldline/contracts';
import {
  TransientError,
  fromSystemError,
  type Execution,
  type ExecutionSpec,
  type Executor,
  type Site,
  type SiteSpec,
} from '@foldline/kernel';
import type { Spawner } from '@foldline/spawner';
import { OutputPipes } from './output-pipes.ts';
import { readableOf } from './output-reader.ts';
import { ProcessExecution } from './process-execution.ts';
import { MARKER, lookForMarked, signal } from './process-table.ts';
import { findShell, writeScript } from './shell-script.ts';

const SWEEP_LIMIT_MS = 5_000;
const SWEEP_POLL_MS = 10;

export type ProcessExecutorOptions = {
  /** What every job has besides its own environment, usually PATH and HOME. The server's own environment is never passed on. */
  baseEnvironment: Readonly<Record<string, string>>;
  /** A directory of this executor's own; it is emptied. */
  directory: string;
  spawner: Spawner;
};

/**
 * Runs jobs as processes of this host, as this user and without isolation: for trusted projects only.
 *
 * Each job is a session of its own. When its shell ends, the rest of its process group is killed, and so is whatever
 * left the group: such processes are known by an inherited environment variable, by their session, and by holding the
 * job's output open. A process that gives up all three at once is not found.
 */
export const createProcessExecutor = (options: ProcessExecutorOptions): Executor => new ProcessExecutor(options);

/**
 * What the processes of an attempt are known by: nobody else's, even where a copy of the same instance runs on this host
 * with the same attempts.
 */
export const markOf = (attemptId: string, directory: string): string =>
  `${attemptId}@${createHash('sha256').update(resolve(directory)).digest('hex').slice(0, 16)}`;

class ProcessExecutor implements Executor {
  private readonly shell = findShell();
  private readonly pipes: OutputPipes;

  constructor(private readonly options: ProcessExecutorOptions) {
    this.pipes = new OutputPipes(options.directory, options.spawner);
  }

  kinds(): Promise<string[]> {
    return Promise.resolve(['process']);
  }

  kindOf(): string {
    return 'process';
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async open(site: SiteSpec): Promise<Site> {
    await site.filled;
    return {
      start: (spec) => this.start(site, spec),
      lend: async (work) => void (await work()),
      close: async () => undefined,
    };
  }

  private async start(site: SiteSpec, spec: ExecutionSpec): Promise<Execution> {
    const mark = markOf(site.attemptId, this.options.directory);
    const pipe = await this.pipes.take();
    let script: string | undefined;
    try {
      script = writeScript(site.scratchDirectory, stepScript(this.shell.options, spec.commands).text);
      const { pid, exited } = await this.options.spawner.start(
        {
          file: this.shell.path,
          args: [script],
          cwd: site.workspace,
          env: { ...this.options.baseEnvironment, ...spec.environment, [MARKER]: mark },
        },
        pipe.path,
      );
      return new ProcessExecution({
        mark,
        leader: pid,
        exited,
        script,
        source: readableOf(pipe.readFd),
        onOutput: spec.onOutput,
        pipe: fstatSync(pipe.readFd),
      });
    } catch (error) {
      closeSync(pipe.readFd);
      if (script !== undefined) rmSync(script, { force: true });
      throw fromSystemError(error, 'start the shell of a job');
    } finally {
      // From here on only the job can write, so the end of the output is the end of its last process.
      closeSync(pipe.writeFd);
      rmSync(pipe.path, { force: true });
    }
  }

  async sweep(attemptId: string): Promise<{ killed: number }> {
    const killed = new Set<number>();
    for (const deadline = performance.now() + SWEEP_LIMIT_MS; performance.now() < deadline;) {
      const { pids, unsure } = lookForMarked(markOf(attemptId, this.options.directory));
      if (pids.length === 0 && !unsure) return { killed: killed.size };
      for (const pid of pids) {
        signal(pid, 'SIGKILL');
        killed.add(pid);
      }
      await delay(SWEEP_POLL_MS);
    }
    throw new TransientError('processes of the attempt are still there after they were killed');
  }
}
