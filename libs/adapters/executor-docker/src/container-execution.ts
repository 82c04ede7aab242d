import { setTimeout as delay } from 'node:timers/promises';
import { fromSystemError, type Execution, type ExecutionResult, type ExecutionSpec } from '@foldline/kernel';
import { usedSince, type Counters } from './cgroup-counters.ts';
import { ShellGone, type ResidentShell } from './resident-shell.ts';

const POLL_MS = 20;

/** What an execution asks of the container that it runs in. */
export type ContainerHandle = {
  /** To all processes but the first one. */
  signal(name: 'TERM' | 'KILL'): Promise<void>;
  /** How the container ended that was not asked to. */
  ending(): Promise<ExecutionResult>;
};

/** One step in the shell of a container. */
export class ContainerExecution implements Execution {
  readonly finished: Promise<ExecutionResult>;
  #deadline: number | undefined;
  #killing: NodeJS.Timeout | undefined;
  #isOver = false;
  readonly #signals: Promise<void>[] = [];
  #failure: { error: unknown } | undefined;

  constructor(
    private readonly resident: ResidentShell,
    private readonly container: ContainerHandle,
    /** How often a process of the container had been ended for memory before, and what it had used. */
    private readonly before: { kills: number; counters: Counters },
    given: { shell: string; script: string; onOutput: ExecutionSpec['onOutput'] },
  ) {
    this.finished = this.#run(given);
  }

  stop(graceMs: number): void {
    if (this.#isOver) return;
    if (this.#deadline === undefined) this.#signal('TERM');
    this.#deadline = Math.min(this.#deadline ?? Infinity, performance.now() + graceMs);
    clearTimeout(this.#killing);
    this.#killing = setTimeout(() => this.#signal('KILL'), this.#deadline - performance.now());
  }

  async #run({ shell, script, onOutput }: { shell: string; script: string; onOutput: ExecutionSpec['onOutput'] }) {
    try {
      const { exitCode, counters } = await this.resident.run(shell, script, (chunk) => this.#take(chunk, onOutput));
      const usage = usedSince(this.before.counters, counters);
      this.before.counters = counters;
      await this.#grantGrace();
      this.#isOver = true;
      clearTimeout(this.#killing);
      // Who tells the others to end is a process, too.
      await Promise.all(this.#signals);
      await this.resident.killOthers();
      const ranOut = await this.#ranOutOfMemory(exitCode);
      return this.#result({ exitCode, ...(ranOut && { outOfMemory: true }), ...(usage && { usage }) });
    } catch (error) {
      if (!(error instanceof ShellGone)) throw error;
      return this.#result(await this.container.ending());
    } finally {
      this.#isOver = true;
      clearTimeout(this.#killing);
    }
  }

  /** Of a step that went well nobody asks: it has got over what it lost. */
  async #ranOutOfMemory(exitCode: number): Promise<boolean> {
    if (exitCode === 0) return false;
    const kills = await this.resident.outOfMemoryKills();
    const isMore = kills > this.before.kills;
    this.before.kills = kills;
    return isMore;
  }

  #result(result: ExecutionResult): ExecutionResult {
    if (this.#failure) throw fromSystemError(this.#failure.error, 'hand over output');
    return result;
  }

  /** A receiver that fails ends the job; what comes until then is nobody's. */
  async #take(chunk: Buffer, onOutput: ExecutionSpec['onOutput']): Promise<void> {
    if (this.#failure) return;
    try {
      await onOutput(chunk);
    } catch (error) {
      this.#failure = { error };
      this.stop(0);
    }
  }

  /** A shell that is told to stop ends before its children do; they have the rest of the grace period. */
  async #grantGrace(): Promise<void> {
    const hasTime = (): boolean => this.#deadline !== undefined && performance.now() < this.#deadline;
    while (hasTime() && (await this.resident.others()) > 0) await delay(POLL_MS);
  }

  #signal(name: 'TERM' | 'KILL'): void {
    // What cannot be told to end goes with its container.
    this.#signals.push(this.container.signal(name).catch(() => undefined));
  }
}
