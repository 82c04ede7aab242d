import type { RunnerOffer } from '@foldline/contracts';
import {
  addLoad,
  explainLimit,
  explainMismatch,
  matchRunner,
  QUEUE_RULES,
  type QueueRules,
  type RunnerState,
} from '@foldline/kernel';
import { JobQueue, attemptKey, type QueuedJob } from './job-queue.ts';
import type { Alike, Reason } from './queue-group.ts';

export type Running = { job: QueuedJob; runnerId: string; epoch?: string | undefined; preempting: boolean };

export type DispatchStep =
  | {
      kind: 'assign';
      job: QueuedJob;
      runnerId: string;
      epoch?: string | undefined;
      cluster: { id: string; power: string };
      detail: string;
    }
  | { kind: 'explain'; job: QueuedJob; code: string; detail: string }
  | { kind: 'preempt'; job: QueuedJob };

/**
 * Which queued job goes to which runner, over all pipelines. Holds only what the log says (see `rebuild` in
 * dispatch.service.ts); a wrong or late picture costs time, never correctness, because every step is decided once
 * more on the pipeline's own stream.
 */
export class Dispatcher {
  private readonly queue: JobQueue;
  private readonly running = new Map<string, Running>();
  private readonly runners = new Map<string, RunnerState>();
  /** Jobs on runners, by project. */
  private readonly busy = new Map<string, number>();
  /** Running jobs that could be stopped for others. */
  private interruptible = 0;
  /** Runners introduce themselves shortly after a start; until then their absence explains nothing. */
  expectingRunners = true;

  constructor(private readonly rules: QueueRules = QUEUE_RULES) {
    this.queue = new JobQueue(rules);
  }

  get waiting(): number {
    return this.queue.size;
  }

  /** What waiting jobs ask of a runner, and how many ask for it. */
  get demand(): readonly (Alike & { waiting: number })[] {
    return this.queue.demand;
  }

  /** Attempts that have a place on a runner, also on one that is silent. */
  get assignments(): Running[] {
    return [...this.running.values()];
  }

  /** The place that the attempt has on a runner. */
  assignmentOf(job: Pick<QueuedJob, 'jobId' | 'attempt'>): Running | undefined {
    return this.running.get(attemptKey(job));
  }

  /** Whether jobs are given to the runner under this epoch, and as many as it offers. */
  isRegistered(id: string, epoch: string | undefined, offer?: RunnerOffer): boolean {
    const runner = this.runners.get(id);
    return (
      runner !== undefined &&
      runner.epoch === epoch &&
      (!offer || JSON.stringify(runner.offer) === JSON.stringify(offer))
    );
  }

  registerRunner(id: string, offer: RunnerOffer, epoch?: string): void {
    const used = { slots: 0, cpu: 0, memoryBytes: 0, diskBytes: 0 };
    for (const { job, runnerId } of this.running.values()) if (runnerId === id) addLoad(used, job.requirements, 1);
    this.runners.set(id, { id, epoch, offer, used });
    this.queue.untellAll();
  }

  removeRunner(id: string): void {
    if (this.runners.delete(id)) this.queue.untellAll();
  }

  removeRunners(): void {
    for (const id of this.runners.keys()) this.removeRunner(id);
  }

  queued(job: QueuedJob): void {
    if (!this.running.has(attemptKey(job))) this.queue.add(job);
  }

  /** The attempt has a place on a runner; the same news twice changes nothing. */
  assigned(job: QueuedJob, runnerId: string, epoch?: string): void {
    const key = attemptKey(job);
    const known = this.running.get(key);
    if (known?.runnerId === runnerId && known.epoch === epoch) known.preempting = false;
    else {
      this.released(job.jobId, job.attempt);
      this.running.set(key, { job, runnerId, epoch, preempting: false });
      this.load(runnerId, job, 1);
    }
  }

  /** The attempt holds its place no longer, or never got one. */
  released(jobId: string, attempt: number): void {
    this.queue.remove(jobId, attempt);
    const key = attemptKey({ jobId, attempt });
    const running = this.running.get(key);
    if (!running) return;
    this.running.delete(key);
    this.load(running.runnerId, running.job, -1);
  }

  /** What to do next; asked again after each step has been carried out. */
  next(): DispatchStep | undefined {
    const runners = [...this.runners.values()];
    if (runners.length === 0 && this.expectingRunners) return undefined;
    return this.place(runners) ?? this.explain(runners);
  }

  /** The best job that fits a runner now, or room made for a better one that does not. */
  private place(runners: readonly RunnerState[]): DispatchStep | undefined {
    const full = runners.every(({ offer, used }) => used.slots >= offer.slots);
    if (full && this.interruptible === 0) return undefined;
    for (const head of this.queue.heads((project) => this.busy.get(project) ?? 0)) {
      const runner = matchRunner(head.requirements, head.highPowerAllowed, runners);
      if (runner) return assignment(head, runner);
      const victim = this.victimFor(head);
      if (!victim) continue;
      victim.preempting = true;
      return { kind: 'preempt', job: victim.job };
    }
    return undefined;
  }

  /** A job that waits for more than a free runner; told once, and again when the runners have changed. */
  private explain(runners: readonly RunnerState[]): DispatchStep | undefined {
    const told = this.queue.nextUntold(({ requirements, highPowerAllowed }) => {
      const mismatch = explainMismatch(requirements, highPowerAllowed, runners);
      if (mismatch) return () => mismatch;
      return this.rules.projectLimit === Infinity ? undefined : this.limitOf;
    });
    return told && { kind: 'explain', job: told.job, ...told.reason };
  }

  private readonly limitOf = ({ projectId }: QueuedJob): Reason | undefined =>
    explainLimit(this.busy.get(projectId) ?? 0, this.rules);

  /** The least important interruptible job on a runner that could take the waiting one, if that is less important. */
  private victimFor(waiting: QueuedJob): Running | undefined {
    if (waiting.priority === 0 || this.interruptible === 0) return undefined;
    const candidates: Running[] = [];
    for (const running of this.running.values()) {
      if (running.preempting) {
        if (this.couldTake(running, waiting)) return undefined;
        continue;
      }
      if (running.job.interruptible && running.job.priority < waiting.priority && this.couldTake(running, waiting)) {
        candidates.push(running);
      }
    }
    return candidates.toSorted((a, b) => a.job.priority - b.job.priority || b.job.position - a.job.position)[0];
  }

  private couldTake(running: Running, waiting: QueuedJob): boolean {
    const runner = this.runners.get(running.runnerId);
    if (!runner) return false;
    const used = { ...runner.used };
    addLoad(used, running.job.requirements, -1);
    return matchRunner(waiting.requirements, waiting.highPowerAllowed, [{ ...runner, used }]) !== undefined;
  }

  private load(
    runnerId: string,
    job: Pick<QueuedJob, 'projectId' | 'requirements' | 'interruptible'>,
    by: 1 | -1,
  ): void {
    if (job.interruptible) this.interruptible += by;
    const busy = (this.busy.get(job.projectId) ?? 0) + by;
    if (busy > 0) this.busy.set(job.projectId, busy);
    else this.busy.delete(job.projectId);
    const runner = this.runners.get(runnerId);
    if (runner) addLoad(runner.used, job.requirements, by);
  }
}

const assignment = (job: QueuedJob, { id, epoch, offer, used }: RunnerState): DispatchStep => ({
  kind: 'assign',
  job,
  runnerId: id,
  epoch,
  cluster: offer.cluster,
  detail:
    `${offer.cluster.id} (${offer.cluster.power}) had ${offer.slots - used.slots} of ${offer.slots} slots free` +
    (job.requirements.cluster ? `; the job asks for ${job.requirements.cluster}` : ''),
});
