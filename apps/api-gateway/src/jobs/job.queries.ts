import { Inject, Injectable } from '@nestjs/common';
import { COLLECTION, type JobDoc } from '@foldline/contracts';
import { PORT, type ReadStore } from '@foldline/kernel';

const COUNTED_AHEAD = 1000;

@Injectable()
export class JobQueue {
  constructor(@Inject(PORT.readStore) private readonly reads: ReadStore) {}

  /** How many jobs were queued before this one and still wait; counts to 1,000. */
  async ahead(job: JobDoc): Promise<number | undefined> {
    if (job.status !== 'queued') return undefined;
    const { items } = await this.reads.query<JobDoc>(COLLECTION.jobs, { index: 'byQueue', limit: COUNTED_AHEAD });
    const at = items.findIndex(({ id }) => id === job.id);
    return at === -1 ? items.length : at;
  }
}
