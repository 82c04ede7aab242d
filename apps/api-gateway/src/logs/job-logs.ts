import { Inject, Injectable } from '@nestjs/common';
import { attemptIdOf, type JobDoc } from '@foldline/contracts';
import { PORT, Refusal, TransientError, type Clock, type LogState, type LogStore } from '@foldline/kernel';
import { PipelineQueries } from '../pipelines/pipeline.queries.ts';

const LOOK_MS = 1000;
const READ_BYTES = 256 * 1024;
/** A job that has ended may still have its log sealed for so long. */
const LOOKS_AFTER_END = 30;
/** As long as one that has begun may take to show the first of its output. */
const LOOKS_WITHOUT_OUTPUT = 3;
/** How long somebody who asks for the log of an ended job waits for the rest of it. */
const SEAL_MS = 3000;
const ENDED = new Set(['success', 'failed', 'cancelled', 'timed_out', 'skipped', 'manual']);

export type LogChunk = { offset: number; bytes: Buffer };
export type JobLog = { attemptId: string; jobId: string; bytes: number; ended: boolean };

/** The output of attempts, still being written or sealed. */
@Injectable()
export class JobLogs {
  constructor(
    @Inject(PORT.logStore) private readonly logs: LogStore,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PipelineQueries) private readonly pipelines: PipelineQueries,
  ) {}

  /** The log of an attempt, the newest unless told. A job that never started has an empty one. */
  async of(job: JobDoc, wanted?: number): Promise<JobLog> {
    const attempt = wanted ?? Math.max(1, job.attempt);
    if (attempt > Math.max(1, job.attempt)) throw new Refusal('not_found', `the job has no attempt ${attempt}`);
    const attemptId = attemptIdOf(job.id, attempt);
    const written = await this.logs.state(attemptId);
    const isRestComing = !written.sealed && ENDED.has(job.status) && job.startedAt !== undefined;
    const { nextOffset, sealed } = isRestComing ? await this.onceSealed(attemptId, written) : written;
    const neverStarted = ENDED.has(job.status) && job.startedAt === undefined;
    return { attemptId, jobId: job.id, bytes: nextOffset, ended: sealed || (nextOffset === 0 && neverStarted) };
  }

  /** What is there now, from `start` up to, not including, `end`. */
  async *read(log: JobLog, start: number, end: number): AsyncGenerator<LogChunk> {
    for (let offset = start; offset < end;) {
      const bytes = await this.logs.read(log.attemptId, offset, Math.min(end, offset + READ_BYTES));
      if (bytes.length === 0) return;
      yield { offset, bytes };
      offset += bytes.length;
    }
  }

  /** Everything from the offset on, as it is written, until the log is sealed, nothing can come any more, or the signal. */
  async *follow(log: JobLog, start: number, signal: AbortSignal): AsyncGenerator<LogChunk> {
    if (log.ended) return yield* this.read(log, start, log.bytes);
    const over = new AbortController();
    const stop = () => over.abort();
    signal.addEventListener('abort', stop, { once: true });
    let failure: { error: unknown } | undefined;
    // Heard at once, whatever the follower is waiting for: a failure that nobody handles would end the process.
    const watching = this.abortWhenNothingComes(log, over).catch((error: unknown) => {
      failure = { error };
      over.abort();
    });
    try {
      yield* this.logs.follow(log.attemptId, start, over.signal);
    } finally {
      over.abort();
      signal.removeEventListener('abort', stop);
      await watching;
    }
    if (failure) throw failure.error;
  }

  /**
   * Where logs come from another host, the end of a job is known a little before the end of its output. Waits for that,
   * but not for ever: a job that was cancelled may write until it is stopped.
   */
  private async onceSealed(attemptId: string, { nextOffset }: LogState): Promise<LogState> {
    const over = new AbortController();
    const late = this.clock.sleep(SEAL_MS, over.signal).then(() => over.abort());
    try {
      for await (const piece of this.logs.follow(attemptId, nextOffset, over.signal)) void piece;
    } finally {
      over.abort();
      await late;
    }
    return this.logs.state(attemptId);
  }

  /** A job can end without a log: cancelled before it began, or its runner died. Followers then need not wait. */
  private async abortWhenNothingComes(log: JobLog, over: AbortController): Promise<void> {
    for (let looks = 0; !over.signal.aborted && looks < LOOKS_AFTER_END;) {
      await this.clock.sleep(LOOK_MS, over.signal);
      if (over.signal.aborted) return;
      const seen = await this.look(log);
      if (!seen) continue;
      looks += 1;
      if (seen.isEmpty && (!seen.hasStarted || looks >= LOOKS_WITHOUT_OUTPUT)) break;
    }
    over.abort();
  }

  /** How the log of a job that has ended stands; nothing while the job goes on, or a server does not answer. */
  private async look({ jobId, attemptId }: JobLog): Promise<{ isEmpty: boolean; hasStarted: boolean } | undefined> {
    try {
      const job = await this.pipelines.findJob(jobId);
      if (!job || !ENDED.has(job.status)) return undefined;
      const { nextOffset, sealed } = await this.logs.state(attemptId);
      return { isEmpty: nextOffset === 0 && !sealed, hasStarted: job.startedAt !== undefined };
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      return undefined;
    }
  }
}
