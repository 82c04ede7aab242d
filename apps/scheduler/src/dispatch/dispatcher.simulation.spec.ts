import { describe, it } from '@jest/globals';
import type { RunnerOffer } from '@foldline/contracts';
import type { QueueRules } from '@foldline/kernel';
import * as fc from 'fast-check';
import { offer, queuedJob } from '../testing/queued-job.ts';
import { Dispatcher } from './dispatcher.ts';
import { attemptKey, type QueuedJob } from './job-queue.ts';

const RUNS = 300;
const MAXIMUM_STEPS = 200;
const MINUTE = 60_000;
const MOST_IMPORTANT = 10;
const RUNNERS: Readonly<Record<string, RunnerOffer>> = {
  small: offer({ slots: 2, cpu: 2 }),
  large: offer({ slots: 3, cpu: 8 }),
};
const PLACES = 5;

/** What happens next, as numbers that are meaningful in every state. */
type Happening = { kind: number; of: number; priority: number; project: number; minutes: number };

const happenings = fc.array(
  fc.record({
    kind: fc.nat({ max: 9 }),
    of: fc.nat({ max: 1_000 }),
    priority: fc.nat({ max: MOST_IMPORTANT }),
    project: fc.nat({ max: 3 }),
    minutes: fc.nat({ max: 10 }),
  }),
  { maxLength: MAXIMUM_STEPS },
);
const anyRules: fc.Arbitrary<QueueRules> = fc.record({
  priorityMs: fc.constantFrom(0, MINUTE, 5 * MINUTE),
  runningMs: fc.constantFrom(0, MINUTE),
  projectLimit: fc.constantFrom(1, 2, Infinity),
});

/** The log as it grows, a dispatcher that is told of it, and what must be so whenever a job is given away. */
class World {
  private dispatcher: Dispatcher;
  private now = 0;
  private count = 0;
  private readonly waiting = new Map<string, QueuedJob>();
  private readonly running = new Map<string, { job: QueuedJob; runnerId: string }>();
  private readonly ended: QueuedJob[] = [];

  constructor(private readonly rules: QueueRules) {
    this.dispatcher = this.restarted(0);
  }

  happen({ kind, of, priority, project, minutes }: Happening): void {
    this.now += minutes * MINUTE;
    if (kind <= 3) this.queue(priority, `project ${project}`, of);
    else if (kind <= 5) this.end(of);
    else if (kind <= 7) this.tellAgain(of);
    else if (kind === 8) this.dispatcher = this.restarted(of);
    else this.runnerComesBack(of);
    this.giveAway();
  }

  /** Everything ends; nobody is left waiting. */
  finish(): void {
    while (this.running.size > 0) {
      this.end(0);
      this.giveAway();
    }
    if (this.waiting.size > 0) throw new Error(`${this.waiting.size} jobs wait although nothing runs`);
  }

  private queue(priority: number, projectId: string, of: number): void {
    this.count += 1;
    const requirements = { cpu: 1 + (of % 2) };
    const at = { queuedAt: this.now, position: this.count };
    const job = queuedJob(this.count, { priority, projectId, requirements, ...at });
    this.waiting.set(attemptKey(job), job);
    this.dispatcher.queued(job);
  }

  private end(of: number): void {
    const place = [...this.running.values()][of % Math.max(1, this.running.size)];
    if (!place) return;
    this.running.delete(attemptKey(place.job));
    this.ended.push(place.job);
    this.dispatcher.released(place.job.jobId, place.job.attempt);
  }

  /** Something that is known already. */
  private tellAgain(of: number): void {
    const waits = [...this.waiting.values()][of % Math.max(1, this.waiting.size)];
    if (waits) this.dispatcher.queued(waits);
    const runs = [...this.running.values()][of % Math.max(1, this.running.size)];
    if (runs) this.dispatcher.queued(runs.job);
    if (runs) this.dispatcher.assigned(runs.job, runs.runnerId);
    const ended = this.ended[of % Math.max(1, this.ended.length)];
    if (ended) this.dispatcher.released(ended.jobId, ended.attempt);
  }

  private runnerComesBack(of: number): void {
    const [id, offered] = Object.entries(RUNNERS)[of % 2]!;
    this.dispatcher.removeRunner(id);
    this.dispatcher.registerRunner(id, offered);
  }

  /** Pipelines are read back in an order that has nothing to do with that of their jobs. */
  private restarted(of: number): Dispatcher {
    const dispatcher = new Dispatcher(this.rules);
    const runners = (): void => {
      for (const [id, offered] of Object.entries(RUNNERS)) dispatcher.registerRunner(id, offered);
    };
    if (of % 2 === 0) runners();
    const waiting = [...this.waiting.values()];
    for (const job of of % 3 === 0 ? waiting : waiting.toReversed()) dispatcher.queued(job);
    for (const { job, runnerId } of this.running.values()) dispatcher.assigned(job, runnerId);
    if (of % 2 !== 0) runners();
    return dispatcher;
  }

  private giveAway(): void {
    for (let step = this.dispatcher.next(); step; step = this.dispatcher.next()) {
      if (step.kind !== 'assign') continue;
      const { job, runnerId } = step;
      if (!this.waiting.delete(attemptKey(job))) throw new Error(`${job.jobId} was given away and does not wait`);
      this.running.set(attemptKey(job), { job, runnerId });
      this.dispatcher.assigned(job, runnerId);
      this.withinLimits(job.projectId, runnerId);
      this.nobodyStarves(job, runnerId);
    }
  }

  private withinLimits(projectId: string, runnerId: string): void {
    const running = [...this.running.values()];
    const ofProject = running.filter(({ job }) => job.projectId === projectId).length;
    if (ofProject > this.rules.projectLimit) throw new Error(`${projectId} has ${ofProject} jobs on runners`);
    const there = running.filter((place) => place.runnerId === runnerId);
    const cpu = there.reduce((sum, { job }) => sum + job.requirements.cpu!, 0);
    if (there.length > RUNNERS[runnerId]!.slots) throw new Error(`${runnerId} has ${there.length} jobs`);
    if (cpu > RUNNERS[runnerId]!.cpu) throw new Error(`${runnerId} has jobs that ask for ${cpu} cpu`);
  }

  /** No job goes before one that asks for no more and has waited so much longer that no priority makes up for it. */
  private nobodyStarves({ queuedAt, requirements }: QueuedJob, runnerId: string): void {
    const most = MOST_IMPORTANT * this.rules.priorityMs + PLACES * this.rules.runningMs;
    const isFull = (projectId: string): boolean =>
      [...this.running.values()].filter(({ job }) => job.projectId === projectId).length >= this.rules.projectLimit;
    for (const other of this.waiting.values()) {
      const fits = other.requirements.cpu! <= requirements.cpu! && !isFull(other.projectId);
      if (fits && other.queuedAt < queuedAt - most)
        throw new Error(
          `${other.jobId} waits since ${other.queuedAt}, and one of ${queuedAt} was given to ${runnerId}`,
        );
    }
  }
}

describe('Whatever is queued, ends, is told twice or is read back after a restart', () => {
  it('nothing starves, and neither a project nor a runner has more than it may', () => {
    fc.assert(
      fc.property(happenings, anyRules, (all, rules) => {
        const world = new World(rules);
        for (const happening of all) world.happen(happening);
        world.finish();
      }),
      { numRuns: RUNS },
    );
  });
});
