import { Inject, Injectable } from '@nestjs/common';
import { COLLECTION, kindIndexPrefix, type JobDoc, type RunnerDoc } from '@foldline/contracts';
import {
  addLoad,
  mayUseHighPower,
  PORT,
  type Clock,
  type Document,
  type QueueRules,
  type ReadModels,
  type ReadStore,
  type Settings,
} from '@foldline/kernel';
import { estimateOf, type Estimate } from './estimate.ts';
import { firstInQueue, placeOf } from './first-in-queue.ts';
import { forecast, type Turn } from './forecast.ts';
import { RunnerVerdicts, type ConnectedRunner, type Verdicts } from './runner-verdicts.ts';

/** Jobs of the queue whose turns are foreseen. */
const FORESEEN = 1_000;
/** Runners, and jobs on runners, that are looked at. */
const LOOKED_AT = 5_000;
const PAGE = 1_000;
/** Kinds of jobs whose earlier runs are looked at, and how many of each. */
const KINDS = 100;
const RUNS = 7;
/** Time goes on although nothing happens, and what is left of a job becomes less. */
const AGE_MS = 1_000;
/** One that took longer to make serves for that second whatever happens, so that no number of readers keeps a gateway busy. */
const CHEAP_MS = 50;

/** What the log says, at one moment, about all that wait for runners and all that have one. */
export type QueuePicture = {
  /** RFC 3339 */
  at: string;
  /** Whether there are no more runners and jobs on them than were looked at. */
  isWhole: boolean;
  verdictsOn: (job: JobDoc) => Verdicts;
  /** Jobs on runners, by project. */
  busy: ReadonlyMap<string, number>;
  /** Of the first 1,000 jobs that wait for a runner, by id. */
  turns: ReadonlyMap<string, Turn>;
  rules: QueueRules;
};

type OnRunners = { runners: ConnectedRunner[]; jobs: JobDoc[]; isWhole: boolean };

/**
 * Makes pictures of the queue from documents, so that every gateway of either topology can. One costs what waits for
 * runners and runs on them, up to the limits above, and no more in a longer queue (`npm run bench -- queue`). While
 * nothing happens it serves everybody for a second.
 */
@Injectable()
export class QueuePictures {
  private last: { position: number; madeAt: number; tookMs: number; picture: Promise<QueuePicture> } | undefined;

  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.readModels) private readonly readModels: ReadModels,
    @Inject(PORT.settings) private readonly settings: Settings,
    @Inject(PORT.clock) private readonly clock: Clock,
  ) {}

  current(): Promise<QueuePicture> {
    const position = this.readModels.position();
    const now = this.clock.monotonic();
    const { last } = this;
    if (last && now - last.madeAt < AGE_MS && (last.position === position || last.tookMs > CHEAP_MS))
      return last.picture;
    const made = { position, madeAt: now, tookMs: 0, picture: this.make() };
    this.last = made;
    made.picture.then(
      () => (made.tookMs = this.clock.monotonic() - now),
      () => this.last === made && (this.last = undefined),
    );
    return made.picture;
  }

  private async make(): Promise<QueuePicture> {
    const { queueRules: rules } = this.settings;
    const at = this.clock.now();
    const [waiting, { runners, jobs, isWhole }] = await Promise.all([
      firstInQueue(this.reads, rules, FORESEEN),
      this.onRunners(),
    ]);
    const busy = new Map<string, number>();
    for (const { projectId } of jobs) busy.set(projectId, (busy.get(projectId) ?? 0) + 1);
    const earlier = await this.earlierRuns([...jobs, ...waiting]);
    const lastsOf = (job: JobDoc, elapsedMs = 0): Estimate | undefined =>
      estimateOf(earlier.get(kindOf(job)) ?? [], elapsedMs);
    const mayUse = ({ project }: JobDoc): boolean => mayUseHighPower(this.settings.highPowerOwners, project);
    const turns = forecast({
      waiting: waiting.map((job) => ({
        ...placeOf(job),
        id: job.id,
        projectId: job.projectId,
        requirements: job.requirements,
        highPowerAllowed: mayUse(job),
        lasts: lastsOf(job),
      })),
      running: jobs.map((job) => ({
        projectId: job.projectId,
        runnerId: job.runnerId!,
        requirements: job.requirements,
        left: lastsOf(job, job.startedAt === undefined ? 0 : Date.parse(at) - Date.parse(job.startedAt)),
      })),
      runners: runners.filter(({ isDraining }) => !isDraining),
      rules,
    });
    const verdicts = new RunnerVerdicts(runners);
    const verdictsOn = (job: JobDoc): Verdicts => verdicts.of(job.requirements, mayUse(job));
    return { at, isWhole, verdictsOn, busy, turns: isWhole ? turns : new Map(), rules };
  }

  private async onRunners(): Promise<OnRunners> {
    const [docs, jobs] = await Promise.all([
      this.all<RunnerDoc>(COLLECTION.runners, 'connected'),
      this.all<JobDoc>(COLLECTION.jobs, 'onRunner'),
    ]);
    const runners = docs.items.map(({ id, offer, status }) => ({
      id,
      offer,
      used: { slots: 0, cpu: 0, memoryBytes: 0, diskBytes: 0 },
      isDraining: status === 'draining',
    }));
    const byId = new Map(runners.map((runner) => [runner.id, runner]));
    for (const { runnerId, requirements } of jobs.items) {
      const runner = byId.get(runnerId!);
      if (runner) addLoad(runner.used, requirements, 1);
    }
    return { runners, jobs: jobs.items, isWhole: docs.isAll && jobs.isAll };
  }

  private async all<Doc extends Document>(
    collection: string,
    index: string,
  ): Promise<{ items: Doc[]; isAll: boolean }> {
    const items: Doc[] = [];
    for (let after: string | undefined; items.length < LOOKED_AT;) {
      const query = { index, limit: PAGE, ...(after !== undefined && { after }) };
      const page = await this.reads.query<Doc>(collection, query);
      items.push(...page.items);
      after = page.nextCursor;
      if (after === undefined) return { items, isAll: true };
    }
    return { items, isAll: false };
  }

  /** How long the newest jobs of each kind took, in milliseconds. */
  private async earlierRuns(jobs: readonly JobDoc[]): Promise<Map<string, number[]>> {
    const kinds = [...new Set(jobs.map(kindOf))].slice(0, KINDS);
    const runs = kinds.map(async (prefix): Promise<[string, number[]]> => {
      const query = { index: 'byKind', prefix, reverse: true, limit: RUNS };
      const { items } = await this.reads.query<JobDoc>(COLLECTION.jobs, query);
      return [prefix, items.map(({ startedAt, finishedAt }) => Date.parse(finishedAt!) - Date.parse(startedAt!))];
    });
    return new Map(await Promise.all(runs));
  }
}

const kindOf = ({ projectId, kind }: JobDoc): string => kindIndexPrefix(projectId, kind);
