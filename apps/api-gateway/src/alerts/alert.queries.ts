import { Inject, Injectable } from '@nestjs/common';
import {
  ALERT_RULES,
  alertRulesWith,
  COLLECTION,
  MAX_ALERT_SAMPLE,
  serviceIndexPrefix,
  type AlertDoc,
  type AlertRule,
  type AlertRuleName,
  type AlertRules,
  type AlertWatchDoc,
  type DeploymentDoc,
  type JobDoc,
  type PipelineDoc,
  type ProjectDoc,
  type ScanDoc,
  type ServiceDeploymentDoc,
} from '@foldline/contracts';
import { PORT, type Document, type ReadStore } from '@foldline/kernel';
import {
  backTest,
  backTestQueue,
  factsOfDeployments,
  factsOfJobs,
  factsOfPipelines,
  factsOfScans,
  inOrder,
  queueSteps,
  type Firing,
  type TimedFact,
} from './back-test.ts';

const PAGE = 200;
/** Documents of each kind that a back-test looks at: the newest. */
const MAX_DOCUMENTS = 5000;

/** What there was since then; not all of it where there was too much. */
type Past<Doc> = { docs: Doc[]; isWhole: boolean };

@Injectable()
export class AlertQueries {
  constructor(@Inject(PORT.readStore) private readonly reads: ReadStore) {}

  /** The rules of the project as they are judged. */
  async rules(projectId: string): Promise<AlertRules> {
    const watch = await this.reads.get<AlertWatchDoc>(COLLECTION.alertWatches, projectId);
    return alertRulesWith(watch?.overrides ?? []);
  }

  /** The alerts of the project that go on. */
  async firing(projectId: string): Promise<Map<AlertRuleName, AlertDoc>> {
    const found = await Promise.all(
      ALERT_RULES.map(async (rule) => {
        const query = { index: 'firing', prefix: `${rule}/${projectId}/`, limit: 1 };
        return (await this.reads.query<AlertDoc>(COLLECTION.alerts, query)).items;
      }),
    );
    return new Map(found.flat().map((alert) => [alert.rule, alert]));
  }

  /** When the rule would have held since then. */
  async tried(
    { id, number }: ProjectDoc,
    name: AlertRuleName,
    rule: AlertRule,
    from: string,
  ): Promise<{ firings: Firing[]; isWhole: boolean }> {
    const { firings, isWhole } = await this.judgedSince(id, number ?? 0, name, rule, from);
    return { firings: firings.filter(({ resolvedAt }) => resolvedAt === null || resolvedAt >= from), isWhole };
  }

  private async judgedSince(
    id: string,
    number: number,
    name: AlertRuleName,
    rule: AlertRule,
    from: string,
  ): Promise<{ firings: Firing[]; isWhole: boolean }> {
    const judged = (facts: readonly TimedFact[], ...pasts: readonly Past<unknown>[]) => ({
      firings: backTest(name, rule, inOrder(facts)),
      isWhole: pasts.every(({ isWhole }) => isWhole),
    });
    if (name === 'deployment_failures') {
      const [deployments, services] = await Promise.all([
        this.since<DeploymentDoc>(COLLECTION.deployments, `${id}/`, from, ({ startedAt }) => startedAt),
        this.since<ServiceDeploymentDoc>(COLLECTION.serviceDeployments, serviceIndexPrefix(number), from),
      ]);
      return judged(factsOfDeployments(deployments.docs, services.docs), deployments, services);
    }
    if (name === 'queue_depth') {
      const jobs = await this.since<JobDoc>(COLLECTION.jobs, `${id}/`, from);
      return { firings: backTestQueue(rule, inOrder(queueSteps(jobs.docs))), isWhole: jobs.isWhole };
    }
    const pipelines = await this.since<PipelineDoc>(COLLECTION.pipelines, `${id}/`, from);
    if (name === 'consecutive_failures' || name === 'slowdown')
      return judged(factsOfPipelines(pipelines.docs), pipelines);
    if (name === 'critical_vulnerabilities') {
      const scans = await this.since<ScanDoc>(COLLECTION.scans, `${id}/`, from);
      return judged([...factsOfScans(scans.docs), ...factsOfPipelines(pipelines.docs)], scans, pipelines);
    }
    const jobs = await this.since<JobDoc>(COLLECTION.jobs, `${id}/`, from);
    return judged([...factsOfJobs(jobs.docs), ...factsOfPipelines(pipelines.docs)], jobs, pipelines);
  }

  /** The oldest first, and before them as many as a rule looks back. */
  private async since<Doc extends Document>(
    collection: string,
    prefix: string,
    from: string,
    timeOf: (doc: Doc) => string = (doc) => doc['createdAt'] as string,
  ): Promise<Past<Doc>> {
    const docs: Doc[] = [];
    for (let after: string | undefined; ;) {
      const query = { index: 'byProject', prefix, reverse: true, limit: PAGE, ...(after ? { after } : {}) };
      const { items, nextCursor } = await this.reads.query<Doc>(collection, query);
      docs.push(...items);
      const earlier = docs.length - docs.findLastIndex((doc) => timeOf(doc) >= from) - 1;
      const isWhole = nextCursor === undefined || earlier >= MAX_ALERT_SAMPLE;
      if (isWhole || docs.length >= MAX_DOCUMENTS) return { docs: docs.toReversed(), isWhole };
      after = nextCursor;
    }
  }
}
