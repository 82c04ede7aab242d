import { Inject, Injectable } from '@nestjs/common';
import {
  COLLECTION,
  endedIndexPrefix,
  openIndexPrefix,
  serviceIndexPrefix,
  type BuildDoc,
  type ServiceDeploymentDoc,
} from '@foldline/contracts';
import { PORT, type Clock, type Document, type ReadStore } from '@foldline/kernel';
import { IsOptional, IsString, Matches } from 'class-validator';
import { BuildQueries } from '../builds/build.queries.ts';
import { ReadQuery } from '../http/pages.ts';
import { buildMetrics, deploymentMetrics, type MeasuredBuild, type Queue, type Range } from './delivery-metrics.ts';

/** Documents of each kind that are looked at: the newest. */
const SAMPLE = 1000;
const HOUR_MS = 60 * 60_000;
const USUAL_RANGE = '30d';

/** `?range=` of metrics: so many days or hours until now. */
export class RangeQuery extends ReadQuery {
  @IsOptional()
  @IsString()
  @Matches(/^[1-9][0-9]{0,2}[dh]$/, { message: 'range is a number of days or hours up to 999, such as 30d or 12h' })
  range?: string;
}

/** Numbers by which things are found: a project's, and of one of its services its own. */
export type Measured = { project: number; service?: number };

/** How builds and deployments do (S2-37). What is read is bounded, however much there is. */
@Injectable()
export class DeliveryMetrics {
  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(BuildQueries) private readonly builds: BuildQueries,
  ) {}

  async of(measured: Measured, { range: asked = USUAL_RANGE }: RangeQuery) {
    const range = rangeUntil(this.clock.now(), asked);
    const [builds, deployments, openBuilds, openDeployments] = await Promise.all([
      this.newest<BuildDoc>(COLLECTION.builds, measured, range),
      this.newest<ServiceDeploymentDoc>(COLLECTION.serviceDeployments, measured, range),
      this.buildQueue(openIndexPrefix(measured.project, measured.service)),
      this.deploymentQueue(openIndexPrefix(measured.project, measured.service)),
    ]);
    return {
      builds: buildMetrics(await this.standing(builds.docs), builds.range, openBuilds),
      deployments: deploymentMetrics(deployments.docs, deployments.range, openDeployments),
    };
  }

  /** All builds that there are, by status, for whoever draws what becomes of them. */
  async buildCounts(): Promise<Map<string, number>> {
    const { queued, running } = await this.buildQueue('');
    const ended = await this.ended(COLLECTION.builds, ['success', 'failed']);
    return new Map([['queued', queued], ['building', running], ...ended]);
  }

  async deploymentCounts(): Promise<Map<string, number>> {
    const { queued, running } = await this.deploymentQueue('');
    const ended = await this.ended(COLLECTION.serviceDeployments, ['success', 'failed', 'rolled_back']);
    return new Map([['queued', queued], ['deploying', running], ...ended]);
  }

  private ended(collection: string, statuses: readonly string[]): Promise<[string, number][]> {
    const count = (prefix: string) =>
      this.reads.count(collection, { index: 'ended', prefix, atMost: Number.MAX_SAFE_INTEGER });
    return Promise.all(
      statuses.map(async (status): Promise<[string, number]> => [status, await count(endedIndexPrefix(status))]),
    );
  }

  private async buildQueue(prefix: string): Promise<Queue> {
    const open = await this.standing(await this.open<BuildDoc>(COLLECTION.builds, prefix));
    const running = open.filter(({ standing }) => standing.status === 'building').length;
    return { queued: open.filter(({ standing }) => standing.status === 'queued').length, running };
  }

  private async deploymentQueue(prefix: string): Promise<Queue> {
    const open = await this.open<ServiceDeploymentDoc>(COLLECTION.serviceDeployments, prefix);
    const running = open.filter(({ startedAt }) => startedAt !== undefined).length;
    return { queued: open.length - running, running };
  }

  private async open<Doc extends Document>(collection: string, prefix: string): Promise<Doc[]> {
    return (await this.reads.query<Doc>(collection, { index: 'open', prefix, limit: SAMPLE })).items;
  }

  private standing(builds: readonly BuildDoc[]): Promise<MeasuredBuild[]> {
    return Promise.all(builds.map(async (build) => ({ build, standing: await this.builds.standing(build) })));
  }

  /** Where more than the sample lies in the range, the range is as much shorter. */
  private async newest<Doc extends Document & { createdAt: string }>(
    collection: string,
    { project, service }: Measured,
    range: Range,
  ): Promise<{ docs: Doc[]; range: Range }> {
    const found =
      service === undefined
        ? { index: 'byProject', prefix: serviceIndexPrefix(project) }
        : { index: 'byService', prefix: serviceIndexPrefix(service) };
    const { items } = await this.reads.query<Doc>(collection, { ...found, reverse: true, limit: SAMPLE });
    const oldest = items.at(SAMPLE - 1)?.createdAt ?? range.from;
    const from = oldest > range.from ? oldest : range.from;
    return { docs: items.filter(({ createdAt }) => createdAt >= from), range: { ...range, from } };
  }
}

const rangeUntil = (to: string, asked: string): Range => {
  const hours = Number.parseInt(asked, 10) * (asked.endsWith('d') ? 24 : 1);
  return { from: new Date(Date.parse(to) - hours * HOUR_MS).toISOString(), to };
};
