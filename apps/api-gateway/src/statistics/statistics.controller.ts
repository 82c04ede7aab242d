import { Controller, Get, Headers, Inject, Param, Query, Res } from '@nestjs/common';
import { ALL_PROJECTS } from '@foldline/contracts';
import { PORT, type ReadModels } from '@foldline/kernel';
import type { FastifyReply } from '../http/fastify.ts';
import { ReadQuery } from '../http/pages.ts';
import { JobQueue } from '../jobs/job.queries.ts';
import { Describe } from '../openapi/describe.ts';
import { ProjectQueries } from '../projects/project.queries.ts';
import { delivery } from './dora.ts';
import { cacheFigures, instanceFigures, projectFigures, series, successRateOf } from './figures.ts';
import { OPEN_METRICS_TYPE, openMetrics } from './open-metrics.ts';
import { ReportQueries } from './report.queries.ts';
import { Statistics, StatisticsQuery, USUAL_RANGE, type RangeName } from './statistics.queries.ts';

const JSON_TYPE = 'application/json';
/** Waiting jobs are counted up to here. */
const COUNTED_WAITING = 100_000;

/** How the jobs of all projects do, and of one: counted as it happened, so it covers all that ever did (D20). */
@Controller()
export class StatisticsController {
  constructor(
    @Inject(Statistics) private readonly statistics: Statistics,
    @Inject(ReportQueries) private readonly reports: ReportQueries,
    @Inject(JobQueue) private readonly queue: JobQueue,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
    @Inject(PORT.readModels) private readonly models: ReadModels,
  ) {}

  @Get('metrics')
  @Describe('Measures the jobs of all projects: as JSON for a range, or where JSON is asked for, else as OpenMetrics', {
    answer:
      'With `?range=` or `Accept: application/json`: `totalJobs`, `successRate` and `cacheHitRate` in percent, ' +
      '`avgDuration` in milliseconds, and what else there is; otherwise what happened since the beginning, for Prometheus',
    produces: [JSON_TYPE, OPEN_METRICS_TYPE],
  })
  async metrics(
    @Query() query: StatisticsQuery,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    void reply.header('vary', 'accept');
    return query.range !== undefined || acceptsJson(accept)
      ? this.instance(query.range ?? USUAL_RANGE)
      : this.text(reply);
  }

  @Get('metrics/prometheus')
  @Describe('Measures the jobs of all projects since the beginning, as OpenMetrics', { produces: [OPEN_METRICS_TYPE] })
  prometheus(@Query() _query: ReadQuery, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.text(reply);
  }

  @Get('cache/stats')
  @Describe('Tells what caches hold and what came of asking for them, of all projects and by project', {
    answer: 'Entries and bytes as they are now; the rest since the beginning',
  })
  async caches(@Query() _query: ReadQuery) {
    const [all, projects] = await Promise.all([this.statistics.ever(ALL_PROJECTS), this.statistics.everOfProjects()]);
    const names = await this.statistics.names(projects.map(({ scope }) => scope));
    const figures = ({ caches }: typeof all) => ({
      entries: caches.saved - caches.removed,
      bytes: caches.bytesSaved - caches.bytesRemoved,
      ...cacheFigures(caches),
    });
    const ofProjects = projects.flatMap((doc) => {
      const project = names.get(doc.scope);
      return project === undefined ? [] : [{ project, ...figures(doc) }];
    });
    return { ...figures(all), projects: ofProjects };
  }

  @Get('api/:owner/:repo/statistics')
  @Describe(
    'Measures the project in a range: its jobs, stages, tests, caches, artifacts, what is flaky, deployments; and tells ' +
      'what the newest scans of its default branch have found',
    {
      answer: 'Durations in milliseconds, rates in percent; what each figure means is told in docs/metrics.md',
    },
  )
  async project(@Param('owner') owner: string, @Param('repo') repo: string, @Query() query: StatisticsQuery) {
    const { id } = await this.projects.named(owner, repo);
    const [{ range, metrics, hours }, waiting] = await Promise.all([
      this.statistics.over(id, query.range ?? USUAL_RANGE),
      this.queue.waiting(COUNTED_WAITING, id),
    ]);
    const [flakyTests, security] = await Promise.all([
      this.reports.flakyTests(id, range.from),
      this.reports.security(id),
    ]);
    const delivered = delivery(metrics.deployments, range, successRateOf(metrics.pipelines));
    return {
      ...range,
      ...projectFigures(metrics),
      flakyTests,
      security,
      queue: { waiting },
      delivery: delivered,
      series: series(hours),
    };
  }

  private async instance(asked: RangeName) {
    const [{ range, metrics, hours }, waiting] = await Promise.all([
      this.statistics.over(ALL_PROJECTS, asked),
      this.queue.waiting(COUNTED_WAITING),
    ]);
    const { projects, ...figures } = instanceFigures(metrics);
    const names = await this.statistics.names(projects.flatMap(({ name }) => name ?? []));
    const named = projects.map(({ name, ...rest }) => ({ project: name && (names.get(name) ?? null), ...rest }));
    return { ...range, ...figures, queue: { waiting }, projects: named, series: series(hours) };
  }

  private async text(reply: FastifyReply): Promise<string> {
    const [metrics, waitingJobs] = await Promise.all([
      this.statistics.ever(ALL_PROJECTS),
      this.queue.waiting(COUNTED_WAITING),
    ]);
    void reply.header('content-type', OPEN_METRICS_TYPE);
    return openMetrics(metrics, { waitingJobs, readModelPosition: this.models.position() });
  }
}

/** Whoever asks for OpenMetrics or for anything gets that; JSON is for who names it. */
const acceptsJson = (accept = ''): boolean =>
  accept.split(',').some((type) => type.split(';')[0]!.trim().toLowerCase() === JSON_TYPE);
