import { Inject, Injectable } from '@nestjs/common';
import { COLLECTION, EVER, metricsId, type MetricsDoc, type ProjectDoc } from '@foldline/contracts';
import { PORT, type Clock, type ReadStore } from '@foldline/kernel';
import { IsIn, IsOptional } from 'class-validator';
import { ReadQuery } from '../http/pages.ts';
import { NO_METRICS, sumMetrics, type Metrics } from './sum-metrics.ts';

const HOUR_MS = 60 * 60_000;
const HOUR = 'YYYY-MM-DDTHH'.length;
const PAGE = 200;
/** Projects that are told apart where all of them are asked for. */
const MAX_PROJECTS = 100;

/** Hours of each range, of which the first one is taken whole. */
const HOURS = { hour: 1, day: 24, week: 7 * 24, month: 30 * 24 } as const;
export type RangeName = keyof typeof HOURS;
export const RANGES = Object.keys(HOURS) as RangeName[];
export const USUAL_RANGE: RangeName = 'day';

/** The beginning of the hour in which the range begins, RFC 3339. */
export const rangeStart = (to: string, range: RangeName): string =>
  `${new Date(Date.parse(to) - HOURS[range] * HOUR_MS).toISOString().slice(0, HOUR)}:00:00.000Z`;

/** `?range=hour|day|week|month` of what is counted by hours. */
export class StatisticsQuery extends ReadQuery {
  @IsOptional()
  @IsIn(RANGES)
  range?: RangeName;
}

/** `from` is the beginning of an hour and included; RFC 3339 in UTC. */
export type CountedRange = { range: RangeName; from: string; to: string };

/** What was counted. A range costs a document for each of its hours in which something happened, whatever that was. */
@Injectable()
export class Statistics {
  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.clock) private readonly clock: Clock,
  ) {}

  async over(scope: string, range: RangeName): Promise<{ range: CountedRange; metrics: Metrics; hours: MetricsDoc[] }> {
    const to = this.clock.now();
    const from = rangeStart(to, range);
    const hours = await this.hours(scope, from.slice(0, HOUR));
    return { range: { range, from, to }, metrics: sumMetrics(hours), hours };
  }

  async ever(scope: string): Promise<Metrics> {
    return (await this.reads.get<MetricsDoc>(COLLECTION.metrics, metricsId(scope, EVER))) ?? NO_METRICS;
  }

  /** What was ever, of the first projects by their ids and of all together. */
  async everOfProjects(): Promise<MetricsDoc[]> {
    const { items } = await this.reads.query<MetricsDoc>(COLLECTION.metrics, { index: 'ever', limit: MAX_PROJECTS });
    return items;
  }

  /** `owner/name` by id. */
  async names(projectIds: readonly string[]): Promise<Map<string, string>> {
    const found = await Promise.all(projectIds.map((id) => this.reads.get<ProjectDoc>(COLLECTION.projects, id)));
    return new Map(found.flatMap((doc) => (doc ? [[doc.id, `${doc.owner}/${doc.name}`] as const] : [])));
  }

  private async hours(scope: string, first: string): Promise<MetricsDoc[]> {
    const hours: MetricsDoc[] = [];
    // The newest come first, and before them what was ever, which is of no hour.
    for (let after: string | undefined; ;) {
      const query = { index: 'byScope', prefix: `${scope}/`, reverse: true, limit: PAGE, ...(after ? { after } : {}) };
      const { items, nextCursor } = await this.reads.query<MetricsDoc>(COLLECTION.metrics, query);
      const wanted = items.filter(({ hour }) => hour !== EVER && hour >= first);
      hours.push(...wanted);
      if (nextCursor === undefined || (items.at(-1)?.hour ?? '') < first) return hours.toReversed();
      after = nextCursor;
    }
  }
}
