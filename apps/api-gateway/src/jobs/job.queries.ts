import { Inject, Injectable } from '@nestjs/common';
import { COLLECTION, type JobDoc } from '@foldline/contracts';
import { PORT, type ReadStore } from '@foldline/kernel';
import { projectQueuePrefix, queueIndexKey } from '@foldline/read-models';

const COUNTED_AHEAD = 1000;

/** The jobs that wait for a runner. */
@Injectable()
export class JobQueue {
  constructor(@Inject(PORT.readStore) private readonly reads: ReadStore) {}

  /** How many jobs were queued before this one and still wait; counts to 1,000. */
  async ahead(job: JobDoc): Promise<number | undefined> {
    if (job.status !== 'queued') return undefined;
    return this.count({ index: 'byQueue', before: queueIndexKey(job), atMost: COUNTED_AHEAD });
  }

  /** How many jobs wait, of everybody or of one project; counts to `atMost`. */
  waiting(atMost: number, projectId?: string): Promise<number> {
    if (projectId === undefined) return this.count({ index: 'byQueue', atMost });
    return this.count({ index: 'byProjectQueue', prefix: projectQueuePrefix(projectId), atMost });
  }

  private count(query: Parameters<ReadStore['count']>[1]): Promise<number> {
    return this.reads.count(COLLECTION.jobs, query);
  }
}
