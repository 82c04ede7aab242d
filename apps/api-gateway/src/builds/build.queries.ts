import { Inject, Injectable } from '@nestjs/common';
import { COLLECTION, type BuildDoc, type JobDoc, type PipelineDoc } from '@foldline/contracts';
import { PORT, type ReadStore } from '@foldline/kernel';
import { buildJobId, standingOf, type BuildStanding } from './build-standing.ts';

/** How builds stand. */
@Injectable()
export class BuildQueries {
  constructor(@Inject(PORT.readStore) private readonly reads: ReadStore) {}

  async standing(build: BuildDoc): Promise<BuildStanding> {
    const [pipeline, job] = await Promise.all([
      this.reads.get<PipelineDoc>(COLLECTION.pipelines, build.id),
      this.job(build),
    ]);
    return standingOf(build, pipeline, job);
  }

  job(build: BuildDoc): Promise<JobDoc | undefined> {
    return this.reads.get<JobDoc>(COLLECTION.jobs, buildJobId(build.id));
  }
}
