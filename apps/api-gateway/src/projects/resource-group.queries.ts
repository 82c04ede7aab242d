import { Inject, Injectable } from '@nestjs/common';
import { byProjectKey, COLLECTION, resourceIndexPrefix, type JobDoc, type ResourceGroupDoc } from '@foldline/contracts';
import { PORT, type Page, type ReadStore } from '@foldline/kernel';
import { readPage, type PageQuery } from '../http/pages.ts';

const SHOWN = 50;

@Injectable()
export class ResourceGroupQueries {
  constructor(@Inject(PORT.readStore) private readonly reads: ReadStore) {}

  page(projectId: string, query: PageQuery): Promise<Page<ResourceGroupDoc>> {
    const list = { collection: COLLECTION.resourceGroups, index: 'byProject', prefix: byProjectKey(projectId, '') };
    return readPage<ResourceGroupDoc>(this.reads, list, query);
  }

  async find(projectId: string, name: string): Promise<ResourceGroupDoc | undefined> {
    const query = { index: 'byProject', prefix: byProjectKey(projectId, name), limit: 1 };
    const { items } = await this.reads.query<ResourceGroupDoc>(COLLECTION.resourceGroups, query);
    return items.find((group) => group.name === name);
  }

  /** The first of the jobs that wait, in the order in which they came. */
  async waitingFor(projectId: string, name: string): Promise<JobDoc[]> {
    const query = { index: 'byResource', prefix: resourceIndexPrefix(projectId, name), limit: SHOWN };
    return (await this.reads.query<JobDoc>(COLLECTION.jobs, query)).items;
  }
}
