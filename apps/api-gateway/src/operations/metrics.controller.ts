import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { COLLECTION, type ArtifactDoc, type JobDoc, type PipelineDoc, type RunnerDoc } from '@foldline/contracts';
import { PORT, type Document, type ReadStore } from '@foldline/kernel';
import { Describe } from '../openapi/describe.ts';
import { ProjectQueries } from '../projects/project.queries.ts';
import { DeliveryMetrics, RangeQuery } from './delivery-metrics.queries.ts';
import { metricsOf } from './metrics.ts';

/** Documents of each kind that are looked at: the newest. */
const SAMPLE = 1000;

@Controller('api/:owner/:repo/metrics')
export class MetricsController {
  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
    @Inject(DeliveryMetrics) private readonly delivery: DeliveryMetrics,
  ) {}

  @Get()
  @Describe('Measures the newest 1,000 jobs, pipelines and artifacts of the project, and its builds and deployments', {
    answer:
      'Average duration per stage, success rates, cache hit rate, artifact sizes and utilization; of the image builds ' +
      'and the deployments of its services what their own metrics tell, for the range, 30d by default',
  })
  async show(@Param('owner') owner: string, @Param('repo') repo: string, @Query() query: RangeQuery) {
    const { id, number } = await this.projects.named(owner, repo);
    const [jobs, pipelines, artifacts, runners, delivery] = await Promise.all([
      this.newest<JobDoc>(COLLECTION.jobs, 'byProject', `${id}/`),
      this.newest<PipelineDoc>(COLLECTION.pipelines, 'byProject', `${id}/`),
      this.newest<ArtifactDoc>(COLLECTION.artifacts, 'byProject', `${id}/`),
      this.newest<RunnerDoc>(COLLECTION.runners, 'byId', ''),
      // Without a number it never had a service, and none has the number 0.
      this.delivery.of({ project: number ?? 0 }, query),
    ]);
    return { ...metricsOf({ jobs, pipelines, artifacts, runners }), ...delivery };
  }

  private async newest<Doc extends Document>(collection: string, index: string, prefix: string): Promise<Doc[]> {
    const { items } = await this.reads.query<Doc>(collection, { index, prefix, reverse: true, limit: SAMPLE });
    return items;
  }
}
