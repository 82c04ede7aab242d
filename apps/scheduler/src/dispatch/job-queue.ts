import type { AsyncResource } from 'node:async_hooks';
import type { RunnerRequirements } from '@foldline/contracts';

export type QueuedJob = {
  jobId: string;
  pipelineId: string;
  attempt: number;
  priority: number;
  /** Place in the log where it was queued: the earlier goes first among equals. */
  position: number;
  requirements: RunnerRequirements;
  highPowerAllowed: boolean;
  interruptible: boolean;
  /** Where it was queued, as `onBehalfOf` goes on from. */
  context?: AsyncResource;
};

/** Jobs that ask the same of a runner: where one of them fits, each does. */
export type QueueGroup = { requirements: RunnerRequirements; highPowerAllowed: boolean };

const PRIORITIES = 11;
/** Jobs that have left a lane are cleared away when there are this many, and more than are waiting in it. */
const CLEARED_AT = 1024;

/**
 * Queued jobs of all pipelines, grouped by what they ask of a runner: whoever looks for the next job compares one head
 * per group, however many wait behind it.
 */
export class JobQueue {
  private readonly groups = new Map<string, Group>();
  private readonly present = new Map<string, { job: QueuedJob; group: Group }>();
  private readonly isWaiting = (job: QueuedJob): boolean => this.present.get(attemptKey(job))?.job === job;

  get size(): number {
    return this.present.size;
  }

  add(job: QueuedJob): void {
    const key = attemptKey(job);
    if (this.present.has(key)) return;
    const { requirements, highPowerAllowed } = job;
    const name = JSON.stringify([requirements, highPowerAllowed]);
    const group = this.groups.get(name) ?? new Group(name, requirements, highPowerAllowed);
    this.groups.set(name, group);
    this.present.set(key, { job, group });
    group.push(job);
  }

  /** The job is assigned, cancelled or gone; it is passed over when its lane comes to it. */
  remove(jobId: string, attempt: number): void {
    const key = attemptKey({ jobId, attempt });
    const group = this.present.get(key)?.group;
    if (!group) return;
    this.present.delete(key);
    group.waiting -= 1;
    if (group.waiting === 0) this.groups.delete(group.name);
  }

  /** What waiting jobs ask of a runner, and how many ask for it; one entry for each that differs. */
  get demand(): readonly (QueueGroup & { waiting: number })[] {
    return [...this.groups.values()];
  }

  /** The first job of each group, best first. */
  heads(): QueuedJob[] {
    const heads: QueuedJob[] = [];
    for (const group of this.groups.values()) {
      const head = group.head(this.isWaiting);
      if (head) heads.push(head);
    }
    return heads.toSorted((a, b) => b.priority - a.priority || a.position - b.position);
  }

  /** A waiting job that has not been looked at, of a group that the question is true for; each job comes up once. */
  nextUntold(isAsked: (group: QueueGroup) => boolean): QueuedJob | undefined {
    for (const group of this.groups.values()) {
      if (!group.hasUntold) continue;
      if (isAsked(group)) {
        const job = group.nextUntold(this.isWaiting);
        if (job) return job;
      }
      group.tellNothing();
    }
    return undefined;
  }

  /** Lets every waiting job come up once more. */
  untellAll(): void {
    for (const group of this.groups.values()) group.untellAll();
  }
}

export const attemptKey = ({ jobId, attempt }: { jobId: string; attempt: number }): string => `${jobId}#${attempt}`;

/** `next` is the first that may still be waiting, `untold` the first that has not been looked at. */
type Lane = { jobs: QueuedJob[]; next: number; untold: number };

/** First in, first out, one lane per priority, the highest first; taking from the front costs nothing per waiting job. */
class Group implements QueueGroup {
  private readonly lanes: Lane[] = Array.from({ length: PRIORITIES }, () => ({ jobs: [], next: 0, untold: 0 }));
  hasUntold = false;
  waiting = 0;

  constructor(
    readonly name: string,
    readonly requirements: RunnerRequirements,
    readonly highPowerAllowed: boolean,
  ) {}

  push(job: QueuedJob): void {
    this.lanes[PRIORITIES - 1 - Math.min(Math.max(job.priority, 0), PRIORITIES - 1)]!.jobs.push(job);
    this.waiting += 1;
    this.hasUntold = true;
  }

  head(isWaiting: (job: QueuedJob) => boolean): QueuedJob | undefined {
    for (const lane of this.lanes) {
      while (lane.next < lane.jobs.length && !isWaiting(lane.jobs[lane.next]!)) lane.next += 1;
      clear(lane);
      if (lane.next < lane.jobs.length) return lane.jobs[lane.next];
    }
    return undefined;
  }

  nextUntold(isWaiting: (job: QueuedJob) => boolean): QueuedJob | undefined {
    for (const lane of this.lanes) {
      while (lane.untold < lane.jobs.length) {
        const job = lane.jobs[lane.untold]!;
        lane.untold += 1;
        if (isWaiting(job)) return job;
      }
    }
    return undefined;
  }

  tellNothing(): void {
    for (const lane of this.lanes) lane.untold = lane.jobs.length;
    this.hasUntold = false;
  }

  untellAll(): void {
    for (const lane of this.lanes) lane.untold = lane.next;
    this.hasUntold = true;
  }
}

const clear = (lane: Lane): void => {
  const gone = lane.next;
  if (gone < lane.jobs.length && (gone < CLEARED_AT || gone < lane.jobs.length / 2)) return;
  lane.jobs.splice(0, gone);
  lane.next = 0;
  lane.untold = Math.max(0, lane.untold - gone);
};
