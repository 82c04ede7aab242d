import type { RunnerOffer, RunnerRequirements } from '@foldline/contracts';
import { JobQueue, type QueuedJob } from './job-queue.ts';
import { addLoad, explainMismatch, matchRunner, type RunnerState } from './match-runner.ts';

export type Running = { job: QueuedJob; runnerId: string; preempting: boolean };

export type DispatchStep =
  | { kind: 'assign'; job: QueuedJob; runnerId: string; cluster: { id: string; power: string }; detail: string }
  | { kind: 'explain'; job: QueuedJob; code: string; detail: string }
  | { kind: 'preempt'; jobId: string; pipelineId: string; attempt: number };

/**
 * Which queued job goes to which runner, over all pipelines. Holds only what the log says (see `rebuild` in
 * dispatch.service.ts); a wrong or late picture costs time, never correctness, because every step is decided once
 * more on the pipeline's own stream.
 */
export class Dispatcher {
  private readonly queue = new JobQueue();
  private readonly running = new Map<string, Running>();
  private readonly runners = new Map<string, RunnerState>();
  /** Jobs whose reason to wait has been told, by reason; told again only when the runners have changed. */
  private explained = new Set<string>();
  /** Runners introduce themselves shortly after a start; until then their absence explains nothing. */
  expectingRunners = true;

  get waiting(): number {
    return this.queue.size;
  }

  registerRunner(id: string, offer: RunnerOffer): void {
    const used = { slots: 0, cpu: 0, memoryBytes: 0, diskBytes: 0 };
    for (const { job, runnerId } of this.running.values()) if (runnerId === id) addLoad(used, job.requirements, 1);
    this.runners.set(id, { id, offer, used });
    this.explained = new Set();
  }

  removeRunner(id: string): void {
    this.runners.delete(id);
    this.explained = new Set();
  }

  queued(job: QueuedJob): void {
    this.queue.add(job);
  }

  assigned(job: QueuedJob, runnerId: string): void {
    this.queue.remove(job.jobId, job.attempt);
    const key = keyOf(job);
    if (this.running.has(key)) return;
    this.running.set(key, { job, runnerId, preempting: false });
    this.load(runnerId, job.requirements, 1);
  }

  /** The attempt holds its place no longer, or never got one. */
  released(jobId: string, attempt: number): void {
    this.queue.remove(jobId, attempt);
    const key = keyOf({ jobId, attempt });
    const running = this.running.get(key);
    if (!running) return;
    this.running.delete(key);
    this.load(running.runnerId, running.job.requirements, -1);
  }

  /** What to do next; asked again after each step has been carried out. */
  next(): DispatchStep | undefined {
    const runners = [...this.runners.values()];
    if (runners.length === 0 && this.expectingRunners) return undefined;
    for (const { head, requirements, highPowerAllowed } of this.queue.heads()) {
      const runner = matchRunner(requirements, highPowerAllowed, runners);
      if (runner) return assignment(head, runner);
      const mismatch = explainMismatch(requirements, highPowerAllowed, runners);
      if (mismatch) {
        const told = `${keyOf(head)}/${mismatch.code}`;
        if (this.explained.has(told)) continue;
        this.explained.add(told);
        return { kind: 'explain', job: head, ...mismatch };
      }
      const victim = this.victimFor(head);
      if (victim) {
        victim.preempting = true;
        const { jobId, pipelineId, attempt } = victim.job;
        return { kind: 'preempt', jobId, pipelineId, attempt };
      }
    }
    return undefined;
  }

  /** The least important interruptible job on a runner that could take the waiting one, if that is less important. */
  private victimFor(waiting: QueuedJob): Running | undefined {
    if (waiting.priority === 0) return undefined;
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

  private load(runnerId: string, requirements: RunnerRequirements, by: 1 | -1): void {
    const runner = this.runners.get(runnerId);
    if (runner) addLoad(runner.used, requirements, by);
  }
}

const keyOf = ({ jobId, attempt }: { jobId: string; attempt: number }): string => `${jobId}#${attempt}`;

const assignment = (job: QueuedJob, { id, offer, used }: RunnerState): DispatchStep => ({
  kind: 'assign',
  job,
  runnerId: id,
  cluster: offer.cluster,
  detail:
    `${offer.cluster.id} (${offer.cluster.power}) had ${offer.slots - used.slots} of ${offer.slots} slots free` +
    (job.requirements.cluster ? `; the job asks for ${job.requirements.cluster}` : ''),
});
