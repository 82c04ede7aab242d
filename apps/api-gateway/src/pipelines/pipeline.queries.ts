import { Inject, Injectable } from '@nestjs/common';
import { COLLECTION, parseJobId, type JobDoc, type PipelineDoc, type ProjectDoc } from '@foldline/contracts';
import { PORT, Refusal, type ReadStore } from '@foldline/kernel';
import { ReadYourWrites } from '../http/read-your-writes.ts';

const PIPELINE_ID = /^[0-9a-z]{1,64}$/;
const JOBS_PER_READ = 1000;

const notFound = (what: string): Refusal => new Refusal('not_found', `there is no such ${what} in this project`);

@Injectable()
export class PipelineQueries {
  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(ReadYourWrites) private readonly writes: ReadYourWrites,
  ) {}

  /** A pipeline of this project; one of another project does not exist here. */
  async pipeline(project: ProjectDoc, id: string): Promise<PipelineDoc> {
    const doc = PIPELINE_ID.test(id) ? await this.writes.find<PipelineDoc>(COLLECTION.pipelines, id) : undefined;
    if (doc?.projectId !== project.id) throw notFound('pipeline');
    return doc;
  }

  async job(project: ProjectDoc, id: string): Promise<JobDoc> {
    const doc = await this.findJob(id);
    if (doc?.projectId !== project.id) throw notFound('job');
    return doc;
  }

  async findJob(id: string): Promise<JobDoc | undefined> {
    return parseJobId(id) ? this.writes.find<JobDoc>(COLLECTION.jobs, id) : undefined;
  }

  /** All jobs of a pipeline in the order of its plan. */
  async jobsOf(pipelineId: string): Promise<JobDoc[]> {
    const jobs: JobDoc[] = [];
    for (let after: string | undefined; ;) {
      const page = await this.reads.query<JobDoc>(COLLECTION.jobs, {
        index: 'byPipeline',
        prefix: `${pipelineId}/`,
        limit: JOBS_PER_READ,
        ...(after === undefined ? {} : { after }),
      });
      jobs.push(...page.items);
      after = page.nextCursor;
      if (after === undefined) return jobs;
    }
  }
}
