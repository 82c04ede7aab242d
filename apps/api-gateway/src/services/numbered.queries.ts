import { Inject, Injectable } from '@nestjs/common';
import {
  byNumberKey,
  COLLECTION,
  type BuildDoc,
  type ProjectDoc,
  type ServiceDeploymentDoc,
  type ServiceDoc,
} from '@foldline/contracts';
import { PORT, Refusal, type Document, type ReadStore } from '@foldline/kernel';
import { ReadYourWrites } from '../http/read-your-writes.ts';

const NUMBER = /^[1-9]\d{0,11}$/;

/** What the build API knows by number. */
@Injectable()
export class NumberedQueries {
  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(ReadYourWrites) private readonly writes: ReadYourWrites,
  ) {}

  service(number: string): Promise<ServiceDoc> {
    return this.numbered<ServiceDoc>(COLLECTION.services, number, 'service');
  }

  build(number: string): Promise<BuildDoc> {
    return this.numbered<BuildDoc>(COLLECTION.builds, number, 'build');
  }

  deployment(number: string): Promise<ServiceDeploymentDoc> {
    return this.numbered<ServiceDeploymentDoc>(COLLECTION.serviceDeployments, number, 'deployment');
  }

  async project(id: string): Promise<ProjectDoc> {
    const doc = await this.writes.find<ProjectDoc>(COLLECTION.projects, id);
    if (!doc) throw new Refusal('not_found', 'there is no such project');
    return doc;
  }

  /** What seems missing is looked for again when the documents show everything that is stored. */
  protected async numbered<Doc extends Document>(collection: string, text: string, what: string): Promise<Doc> {
    const find = async (): Promise<Doc | undefined> => {
      const prefix = byNumberKey(Number(text));
      const { items } = await this.reads.query<Doc>(collection, { index: 'byNumber', prefix, limit: 1 });
      return items[0];
    };
    if (!NUMBER.test(text)) throw new Refusal('not_found', `there is no such ${what}`);
    const found = await find();
    if (found) return found;
    await this.writes.reachEnd();
    const late = await find();
    if (!late) throw new Refusal('not_found', `there is no such ${what}`);
    return late;
  }
}
