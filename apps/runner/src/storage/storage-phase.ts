import type { FailureReason } from '@foldline/contracts';
import { TransientError, type Clock } from '@foldline/kernel';
import type { JobScene } from '../execution/job-scene.ts';
import type { StopReason } from '../execution/stop-reason.ts';
import type { TimeLimit } from '../execution/time-limit.ts';
import { PATIENCE_MS, Patience, StorageUnavailable } from './patience.ts';
import { patientObjects, patientReads, type JobObjects, type JobReads } from './patient-stores.ts';

export type JobStores = { reads: JobReads; objects: JobObjects };
/** What a job has the stores for: to read what it builds upon, or to keep what it made. */
export type StorageUse = 'inputs' | 'results';

const REASON: Readonly<Record<StorageUse, FailureReason>> = {
  inputs: 'artifact_download_failure',
  results: 'artifact_upload_failure',
};

type Around = { clock: Clock; limit: TimeLimit; scene: Pick<JobScene, 'tell' | 'warn'> };

/** A part of a job that needs the stores. While these do not answer it waits, and the job's time does not pass. */
export class StoragePhase {
  readonly stores: JobStores;
  private readonly stopped = new AbortController();

  constructor(
    private readonly use: StorageUse,
    { reads, objects }: JobStores,
    { clock, limit, scene }: Around,
  ) {
    const patience = new Patience({
      clock,
      signal: this.stopped.signal,
      begins: (store, error) => {
        limit.pause();
        scene.warn(`${store} does not answer; waiting up to ${PATIENCE_MS / 60_000} minutes (${error.message})`);
      },
      ends: (store, waitedMs, answered) => {
        limit.resume();
        if (answered) scene.tell(`After ${Math.ceil(waitedMs / 1000)} s ${store} answers again`);
      },
    });
    this.stores = { reads: patientReads(reads, patience), objects: patientObjects(objects, patience) };
  }

  /** From now on nothing is waited for. What is left of a job that took too long is kept all the same. */
  stop(reason: StopReason): void {
    if (reason !== 'timed_out' || this.use === 'inputs') this.stopped.abort();
  }

  /** Whether it came to nothing because it was not to wait. */
  wasStopped(error: unknown): boolean {
    return this.stopped.signal.aborted && error instanceof TransientError;
  }

  /** How a job fails whose stores have not answered for so long; `undefined` for any other trouble. */
  failureOf(error: unknown): { reason: FailureReason; detail: string } | undefined {
    return error instanceof StorageUnavailable ? { reason: REASON[this.use], detail: error.message } : undefined;
  }
}
