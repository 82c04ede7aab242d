import TinyQueue from 'tinyqueue';
import type { RunnerRequirements } from '@foldline/contracts';
import { compareHeads, compareInProject, headRankOf, type QueueRules } from '@foldline/kernel';
import type { QueuedJob } from './job-queue.ts';

/** Jobs that ask the same of a runner: where one of them fits, each does. */
export type Alike = { requirements: RunnerRequirements; highPowerAllowed: boolean };
export type Head = { job: QueuedJob; rank: number };

/** Why one of them waits, when that is more than that runners are busy. */
export type Reason = { code: string; detail: string };
export type Told = { job: QueuedJob; reason: Reason };

type IsWaiting = (job: QueuedJob) => boolean;

/**
 * Waiting jobs that ask the same, the best of each project at hand: a job comes and goes at the logarithm of how many its
 * project has waiting, and the best of all costs one look per project.
 */
export class QueueGroup implements Alike {
  private readonly projects = new Map<string, TinyQueue<QueuedJob>>();
  /** Those that nobody has looked at, from `looked` on. */
  private untold: QueuedJob[] = [];
  private looked = 0;
  hasUntold = false;
  waiting = 0;

  constructor(
    readonly name: string,
    readonly requirements: RunnerRequirements,
    readonly highPowerAllowed: boolean,
    private readonly rules: QueueRules,
  ) {}

  push(job: QueuedJob): void {
    const known = this.projects.get(job.projectId);
    const jobs = known ?? new TinyQueue<QueuedJob>([], (a, b) => compareInProject(a, b, this.rules));
    if (!known) this.projects.set(job.projectId, jobs);
    jobs.push(job);
    this.untold.push(job);
    this.waiting += 1;
    this.hasUntold = true;
  }

  /** The job that goes first; `running` tells how many jobs a project has on runners. */
  head(isWaiting: IsWaiting, running: (projectId: string) => number): Head | undefined {
    let best: Head | undefined;
    for (const [projectId, jobs] of this.projects) {
      const job = firstOf(jobs, isWaiting);
      if (!job) this.projects.delete(projectId);
      const busy = running(projectId);
      if (!job || busy >= this.rules.projectLimit) continue;
      const head = { job, rank: headRankOf(job, busy, this.rules) };
      if (!best || compareHeads(head, best) < 0) best = head;
    }
    return best;
  }

  /** Each job is looked at once, whether there is a reason or not. */
  nextUntold(isWaiting: IsWaiting, reasonOf: (job: QueuedJob) => Reason | undefined): Told | undefined {
    while (this.looked < this.untold.length) {
      const job = this.untold[this.looked]!;
      this.looked += 1;
      const reason = isWaiting(job) ? reasonOf(job) : undefined;
      if (reason) return { job, reason };
    }
    return undefined;
  }

  tellNothing(): void {
    this.untold = [];
    this.looked = 0;
    this.hasUntold = false;
  }

  untellAll(): void {
    this.untold = [...this.projects.values()].flatMap(({ data }) => data);
    this.looked = 0;
    this.hasUntold = true;
  }
}

/** Those that have left are passed over when their turn comes. */
const firstOf = (jobs: TinyQueue<QueuedJob>, isWaiting: IsWaiting): QueuedJob | undefined => {
  for (let job = jobs.peek(); job; job = jobs.peek()) {
    if (isWaiting(job)) return job;
    jobs.pop();
  }
  return undefined;
};
