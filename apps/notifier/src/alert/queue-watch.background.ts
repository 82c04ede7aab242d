import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import {
  alertRulesWith,
  alertStream,
  COLLECTION,
  type AlertDoc,
  type AlertWatchDoc,
  type JobDoc,
} from '@foldline/contracts';
import {
  COMMANDS,
  isBeyond,
  PORT,
  type Clock,
  type Commands,
  type Ids,
  type Logger,
  type ReadStore,
} from '@foldline/kernel';
import { alertDecider } from './alert.decider.ts';
import { RecordAlerts } from './record-alerts.policy.ts';

export const LOOK_EVERY_MS = 15_000;
const PAGE = 200;
/** Waiting jobs of a project are counted up to here. */
const COUNTED = 100_000;
/** Sorts behind every key of a project. */
const BEHIND_PROJECT = '0';

/** Looks now and then how many jobs of each project wait; an alert is recorded when that is more than its rule allows. */
@Injectable()
export class QueueWatch implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly stopping = new AbortController();
  private looking: Promise<void> = Promise.resolve();

  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PORT.ids) private readonly ids: Ids,
    @Inject(PORT.logger) private readonly logger: Logger,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(RecordAlerts) private readonly alerts: RecordAlerts,
  ) {}

  onApplicationBootstrap(): void {
    this.looking = this.keepLooking();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.looking;
  }

  /** One look at all projects that have jobs waiting, or had too many of them. */
  async look(): Promise<void> {
    const firing = await this.firing();
    for (const projectId of new Set([...firing, ...(await this.withWaiting())]))
      await this.judge(projectId, firing.has(projectId));
  }

  private async keepLooking(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.clock.sleep(LOOK_EVERY_MS, signal);
      if (signal.aborted) return;
      await this.look().catch((error: unknown) =>
        this.logger.error({ err: error }, 'the queues could not be looked at now'),
      );
    }
  }

  private async judge(projectId: string, isFiring: boolean): Promise<void> {
    const watch = await this.reads.get<AlertWatchDoc>(COLLECTION.alertWatches, projectId);
    const { enabled, threshold } = alertRulesWith(watch?.overrides ?? []).queue_depth;
    const query = { index: 'byProjectQueue', prefix: `${projectId}/`, atMost: COUNTED };
    const waiting = await this.reads.count(COLLECTION.jobs, query);
    const beyond = enabled && isBeyond('queue_depth', waiting, threshold);
    if (beyond === isFiring) return;
    const project = await this.alerts.nameOf(projectId);
    const queue = { isBeyond: beyond, waiting, threshold, at: this.clock.now() };
    await this.commands.handle(
      alertStream(projectId),
      alertDecider,
      { type: 'JudgeQueue', projectId, project, queue },
      { id: this.ids.next(), actor: { kind: 'system', id: 'notifier' } },
    );
  }

  private async firing(): Promise<Set<string>> {
    const projects = new Set<string>();
    for (let after: string | undefined; ;) {
      const page = await this.reads.query<AlertDoc>(COLLECTION.alerts, {
        index: 'firing',
        prefix: 'queue_depth/',
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      });
      for (const { projectId } of page.items) projects.add(projectId);
      if (page.nextCursor === undefined) return projects;
      after = page.nextCursor;
    }
  }

  /** The first job of each project that has one: the queue itself may be long. */
  private async withWaiting(): Promise<string[]> {
    const projects: string[] = [];
    for (let after = ''; ;) {
      const query = { index: 'byProjectQueue', limit: 1, ...(after === '' ? {} : { after }) };
      const [job] = (await this.reads.query<JobDoc>(COLLECTION.jobs, query)).items;
      if (!job) return projects;
      projects.push(job.projectId);
      after = job.projectId + BEHIND_PROJECT;
    }
  }
}
