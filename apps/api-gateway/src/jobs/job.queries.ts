import { Inject, Injectable } from '@nestjs/common';
import { COLLECTION, queuePrefix } from '@foldline/contracts';
import { PORT, type ReadStore } from '@foldline/kernel';
import { projectQueuePrefix } from '@foldline/read-models';

/** The jobs that wait for a runner. */
@Injectable()
export class JobQueue {
  constructor(@Inject(PORT.readStore) private readonly reads: ReadStore) {}

  /** How many jobs wait, of everybody or of one project; counts to `atMost`. */
  waiting(atMost: number, projectId?: string): Promise<number> {
    const query =
      projectId === undefined
        ? { index: 'byQueue', prefix: queuePrefix('runner'), atMost }
        : { index: 'byProjectQueue', prefix: projectQueuePrefix(projectId), atMost };
    return this.reads.count(COLLECTION.jobs, query);
  }
}
