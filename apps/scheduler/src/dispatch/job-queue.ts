import type { AsyncResource } from 'node:async_hooks';
import type { RunnerRequirements } from '@foldline/contracts';
import { compareHeads, QUEUE_RULES, type QueueRules } from '@foldline/kernel';
import { QueueGroup, type Alike, type Reason, type Told } from './queue-group.ts';

export type QueuedJob = {
  jobId: string;
  pipelineId: string;
  projectId: string;
  attempt: number;
  priority: number;
  /** Milliseconds since 1970. */
  queuedAt: number;
  /** Place in the log where it was queued: the earlier goes first among equals. */
  position: number;
  requirements: RunnerRequirements;
  highPowerAllowed: boolean;
  interruptible: boolean;
  /** Where it was queued, as `onBehalfOf` goes on from. */
  context?: AsyncResource;
};

/**
 * Queued jobs of all pipelines, grouped by what they ask of a runner: whoever looks for the next job compares one head
 * per group, however many wait behind it.
 */
export class JobQueue {
  private readonly groups = new Map<string, QueueGroup>();
  private readonly present = new Map<string, { job: QueuedJob; group: QueueGroup }>();
  private readonly isWaiting = (job: QueuedJob): boolean => this.present.get(attemptKey(job))?.job === job;

  constructor(private readonly rules: QueueRules = QUEUE_RULES) {}

  get size(): number {
    return this.present.size;
  }

  add(job: QueuedJob): void {
    const key = attemptKey(job);
    if (this.present.has(key)) return;
    const { requirements, highPowerAllowed } = job;
    const name = JSON.stringify([requirements, highPowerAllowed]);
    const group = this.groups.get(name) ?? new QueueGroup(name, requirements, highPowerAllowed, this.rules);
    this.groups.set(name, group);
    this.present.set(key, { job, group });
    group.push(job);
  }

  /** The job is assigned, cancelled or gone; it is passed over when its turn comes. */
  remove(jobId: string, attempt: number): void {
    const key = attemptKey({ jobId, attempt });
    const group = this.present.get(key)?.group;
    if (!group) return;
    this.present.delete(key);
    group.waiting -= 1;
    if (group.waiting === 0) this.groups.delete(group.name);
  }

  /** What waiting jobs ask of a runner, and how many ask for it; one entry for each that differs. */
  get demand(): readonly (Alike & { waiting: number })[] {
    return [...this.groups.values()];
  }

  /** The first job of each group, best first; `running` tells how many jobs a project has on runners. */
  heads(running: (projectId: string) => number = () => 0): QueuedJob[] {
    return [...this.groups.values()]
      .flatMap((group) => group.head(this.isWaiting, running) ?? [])
      .toSorted(compareHeads)
      .map(({ job }) => job);
  }

  /**
   * A waiting job that has not been looked at and has a reason to wait; each job is looked at once. Of a group that is
   * not asked about nobody is looked at, so that many jobs cost nothing where none of them has a reason.
   */
  nextUntold(reasonsOf: (group: Alike) => ((job: QueuedJob) => Reason | undefined) | undefined): Told | undefined {
    for (const group of this.groups.values()) {
      if (!group.hasUntold) continue;
      const reasonOf = reasonsOf(group);
      const told = reasonOf && group.nextUntold(this.isWaiting, reasonOf);
      if (told) return told;
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
