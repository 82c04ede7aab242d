import { Inject, Injectable } from '@nestjs/common';
import { attemptIdOf, type JobDoc } from '@foldline/contracts';
import { PORT, Refusal, TransientError, type Clock, type LogState, type LogStore } from '@foldline/kernel';
import { PipelineQueries } from '../pipelines/pipeline.queries.ts';

const LOOK_MS = 1000;
const READ_BYTES = 256 * 1024;
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

  /** The log of an attempt, the newest unless told. A job that never started has an empty one; refuses a pruned one. */
  async of(job: JobDoc, wanted?: number): Promise<JobLog> {
    const attempt = wanted ?? Math.max(1, job.attempt);
    if (attempt > Math.max(1, job.attempt)) throw new Refusal('not_found', `the job has no attempt ${attempt}`);
    refusePruned(job, attempt);
    const attemptId = attemptIdOf(job.id, attempt);
    const written = await this.logs.state(attemptId);
    const isRestComing = !written.sealed && ENDED.has(job.status) && hasWritten(job);
    const { nextOffset, sealed } = isRestComing ? await this.onceSealed(attemptId, written) : written;
    return { attemptId, jobId: job.id, bytes: nextOffset, ended: sealed || (nextOffset === 0 && hasEndedUnbegun(job)) };
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

  /** Every attempt that has begun gets its log sealed at last, however late; one that never begins has none to wait for. */
  private async abortWhenNothingComes(log: JobLog, over: AbortController): Promise<void> {
    while (!over.signal.aborted) {
      await this.clock.sleep(LOOK_MS, over.signal);
      if (!over.signal.aborted && (await this.neverBegins(log))) over.abort();
    }
  }

  private async neverBegins({ jobId, attemptId }: JobLog): Promise<boolean> {
    try {
      const job = await this.pipelines.findJob(jobId);
      return job !== undefined && attemptId === newestOf(job) && hasEndedUnbegun(job);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      return false;
    }
  }
}

/** When the output of this attempt was pruned, if it was. */
export const prunedAt = ({ logPruned }: JobDoc, attempt: number): string | undefined =>
  logPruned && attempt <= logPruned.attempt ? logPruned.at : undefined;

export const refusePruned = (job: JobDoc, attempt: number): void => {
  const at = prunedAt(job, attempt);
  if (at !== undefined) throw new Refusal('log_pruned', `the output of attempt ${attempt} was pruned at ${at}`);
};

const newestOf = (job: JobDoc): string => attemptIdOf(job.id, Math.max(1, job.attempt));
const hasEndedUnbegun = (job: JobDoc): boolean => ENDED.has(job.status) && !hasWritten(job);
/** A job that starts another pipeline writes nothing itself. */
const hasWritten = (job: JobDoc): boolean => job.startedAt !== undefined && job.downstream === undefined;
