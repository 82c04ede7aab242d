import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fromSystemError, type Execution, type ExecutionResult } from '@foldline/kernel';
import type { Readable } from 'node:stream';
import type { MeasuredEnd } from '@foldline/spawner';
import { OutputReader, type OnOutput } from './output-reader.ts';
import { isGroupAlive, markedProcesses, signal, survivorsOf, writersTo, type FileIdentity } from './process-table.ts';

const TAIL_IDLE_MS = 2_000;
const POLL_MS = 10;
/** A fork bomb is killed in rounds: each finds what the last one's victims started meanwhile. */
const MAX_ROUNDS = 200;

export type Started = {
  mark: string;
  leader: number;
  exited: Promise<MeasuredEnd>;
  script: string;
  source: Readable;
  onOutput: OnOutput;
  /** The pipe that the output comes through. */
  pipe: FileIdentity;
};

/** One running shell and all it started. */
export class ProcessExecution implements Execution {
  readonly finished: Promise<ExecutionResult>;
  private readonly startedAt = performance.now();
  private stopDeadline: number | undefined;
  private killTimer: NodeJS.Timeout | undefined;
  private over = false;
  private readonly output: OutputReader;

  constructor(private readonly started: Started) {
    this.output = new OutputReader(started.source, started.onOutput, () => this.stop(0));
    this.finished = this.run();
  }

  stop(graceMs: number): void {
    if (this.over) return;
    const { leader, mark } = this.started;
    if (this.stopDeadline === undefined) {
      signal(-leader, 'SIGTERM');
      for (const pid of markedProcesses(mark, leader)) signal(pid, 'SIGTERM');
      // A stopped process receives nothing until it goes on.
      signal(-leader, 'SIGCONT');
    }
    this.stopDeadline = Math.min(this.stopDeadline ?? Infinity, performance.now() + graceMs);
    clearTimeout(this.killTimer);
    this.killTimer = setTimeout(() => this.killAll(), this.stopDeadline - performance.now());
  }

  private async run(): Promise<ExecutionResult> {
    const { exited, script, pipe } = this.started;
    let lost: unknown;
    const result = await exited.catch((error: unknown): ExecutionResult => {
      lost = error;
      return {};
    });
    await this.grantGrace();
    await this.killLeftovers();
    this.over = true;
    clearTimeout(this.killTimer);
    await this.output.finish(TAIL_IDLE_MS, () => {
      for (const pid of writersTo(pipe)) signal(pid, 'SIGKILL');
    });
    rmSync(script, { force: true });
    const { failure } = this.output;
    if (lost) throw lost;
    if (failure) throw fromSystemError(failure.error, 'hand over output');
    return result;
  }

  /** A shell that is told to stop ends before its children do; they have the rest of the grace period. */
  private async grantGrace(): Promise<void> {
    const hasTime = (): boolean => this.stopDeadline !== undefined && performance.now() < this.stopDeadline;
    while (hasTime() && isGroupAlive(this.started.leader)) {
      await delay(POLL_MS);
    }
  }

  private async killLeftovers(): Promise<void> {
    const { mark, leader } = this.started;
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      signal(-leader, 'SIGKILL');
      const { pids, unsure } = survivorsOf(mark, leader, performance.now() - this.startedAt);
      if (pids.length === 0 && !unsure) return;
      for (const pid of pids) signal(pid, 'SIGKILL');
      await delay(round === 0 ? 1 : POLL_MS);
    }
  }

  private killAll(): void {
    signal(-this.started.leader, 'SIGKILL');
    for (const pid of markedProcesses(this.started.mark)) signal(pid, 'SIGKILL');
  }
}
