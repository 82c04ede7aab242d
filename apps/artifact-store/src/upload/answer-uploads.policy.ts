import { Inject, Injectable } from '@nestjs/common';
import {
  COLLECTION,
  attemptIdOf,
  type JobDoc,
  type JobFinishing,
  type JobRetried,
  type Recorded,
} from '@foldline/contracts';
import { PORT, type EventStore, type ReadStore } from '@foldline/kernel';
import { CommitArtifact } from '../artifact/commit-artifact.ts';
import { CommitCache } from '../cache/commit-cache.ts';
import { commitIdOf, uploadsOfAttempt, type Upload } from './uploads-of-attempt.ts';

/**
 * The fence of uploads (I4). Only what the pipeline waits for is committed: a job that is finishing stays at that
 * attempt until every upload is answered, so no other attempt can have taken its place meanwhile. What the pipeline has
 * gone on without is refused.
 */
@Injectable()
export class AnswerUploads {
  constructor(
    @Inject(PORT.eventStore) private readonly store: EventStore,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(CommitArtifact) private readonly artifacts: CommitArtifact,
    @Inject(CommitCache) private readonly caches: CommitCache,
  ) {}

  /** The attempt's end was recorded after its uploads were, so that all of them are found. */
  async onJobFinishing({ data }: Recorded<ReturnType<typeof JobFinishing>>): Promise<void> {
    const awaited = new Set(data.awaiting);
    for (const upload of await uploadsOfAttempt(this.store, attemptIdOf(data.jobId, data.attempt))) {
      if (awaited.has(commitIdOf(upload))) await this.commit(upload);
    }
  }

  /** Another attempt takes the place of one that may have been cut off: what was never waited for stays invisible. */
  async onJobRetried({ data }: Recorded<ReturnType<typeof JobRetried>>): Promise<void> {
    const before = data.attempt - 1;
    if (before < 1) return;
    for (const upload of await uploadsOfAttempt(this.store, attemptIdOf(data.jobId, before)))
      await this.refuse(upload, data.attempt);
  }

  /** An upload that comes when another attempt has taken over. Any other is answered when its job is finishing. */
  async onUploaded(upload: Upload): Promise<void> {
    const job = await this.reads.get<JobDoc>(COLLECTION.jobs, upload.data.jobId);
    if (job && job.attempt > upload.data.attempt) await this.refuse(upload, job.attempt);
  }

  private commit(upload: Upload): Promise<void> {
    return upload.type === 'ArtifactUploaded' ? this.artifacts.commit(upload) : this.caches.commit(upload);
  }

  private refuse(upload: Upload, later: number): Promise<void> {
    const problem = `attempt ${later} of its job has taken the place of attempt ${upload.data.attempt}`;
    return upload.type === 'ArtifactUploaded'
      ? this.artifacts.answer(upload, problem)
      : this.caches.answer(upload, problem);
  }
}
