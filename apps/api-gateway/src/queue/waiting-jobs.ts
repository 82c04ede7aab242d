import { Inject, Injectable } from '@nestjs/common';
import { COLLECTION, type JobDoc, type ResourceGroupDoc } from '@foldline/contracts';
import { PORT, type Page, type ReadStore } from '@foldline/kernel';
import { readPage, type PageQuery } from '../http/pages.ts';
import { ResourceGroupQueries } from '../projects/resource-group.queries.ts';
import { QueuePictures } from './queue-pictures.ts';
import { waitingOf, type Waiting } from './waiting.ts';

/** A job that waits, and what for, without what each runner has to do with it. */
export type WaitingBriefly = Omit<Waiting, 'runners'>;

/** What jobs that wait for a runner or for their resource group wait for. */
@Injectable()
export class WaitingJobs {
  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(ResourceGroupQueries) private readonly groups: ResourceGroupQueries,
    @Inject(QueuePictures) private readonly pictures: QueuePictures,
  ) {}

  async of(job: JobDoc): Promise<Waiting | undefined> {
    if (job.status === 'queued') return waitingOf(job, { queue: await this.pictures.current() });
    if (job.status === 'waiting_for_resource') return waitingOf(job, { group: await this.groupOf(job) });
    return waitingOf(job);
  }

  /** By the ids of those that wait for one or the other; reads one picture, and each resource group once. */
  async ofAll(jobs: readonly JobDoc[]): Promise<Map<string, WaitingBriefly>> {
    const queue = jobs.some(({ status }) => status === 'queued') ? await this.pictures.current() : undefined;
    const groups = new Map<string, Promise<ResourceGroupDoc | undefined>>();
    const waiting = new Map<string, WaitingBriefly>();
    for (const job of jobs) {
      if (job.status === 'queued') waiting.set(job.id, briefly(waitingOf(job, { queue })!));
      if (job.status !== 'waiting_for_resource') continue;
      const name = `${job.projectId}/${job.resourceGroup}`;
      const group = groups.get(name) ?? this.groupOf(job);
      groups.set(name, group);
      waiting.set(job.id, briefly(waitingOf(job, { group: await group })!));
    }
    return waiting;
  }

  /** Those that wait for a runner, the more important and then the longer waiting ones first; then those of groups. */
  page(query: PageQuery): Promise<Page<JobDoc>> {
    return readPage<JobDoc>(this.reads, { collection: COLLECTION.jobs, index: 'byQueue' }, query);
  }

  private async groupOf({ projectId, resourceGroup }: JobDoc): Promise<ResourceGroupDoc | undefined> {
    return resourceGroup === undefined ? undefined : this.groups.find(projectId, resourceGroup);
  }
}

const briefly = ({ runners: _runners, ...waiting }: Waiting): WaitingBriefly => waiting;
