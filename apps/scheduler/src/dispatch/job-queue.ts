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
};

export type QueueGroup = { requirements: RunnerRequirements; highPowerAllowed: boolean; head: QueuedJob };

const PRIORITIES = 11;

/**
 * Queued jobs of all pipelines, grouped by what they ask of a runner: whoever looks for the next job compares one head
 * per group, however many wait behind it.
 */
export class JobQueue {
  private readonly groups = new Map<string, Lanes>();
  private readonly present = new Map<string, QueuedJob>();

  get size(): number {
    return this.present.size;
  }

  add(job: QueuedJob): void {
    const key = keyOf(job);
    if (this.present.has(key)) return;
    this.present.set(key, job);
    const group = JSON.stringify([job.requirements, job.highPowerAllowed]);
    const lanes = this.groups.get(group) ?? new Lanes();
    this.groups.set(group, lanes);
    lanes.push(job);
  }

  /** The job is assigned, cancelled or gone; it is passed over when its lane comes to it. */
  remove(jobId: string, attempt: number): void {
    this.present.delete(keyOf({ jobId, attempt }));
  }

  /** The first job of each group, best first. */
  heads(): QueueGroup[] {
    const heads: QueueGroup[] = [];
    for (const [key, lanes] of this.groups) {
      const head = lanes.head((job) => this.present.get(keyOf(job)) === job);
      if (!head) this.groups.delete(key);
      else heads.push({ requirements: head.requirements, highPowerAllowed: head.highPowerAllowed, head });
    }
    return heads.toSorted((a, b) => b.head.priority - a.head.priority || a.head.position - b.head.position);
  }
}

const keyOf = ({ jobId, attempt }: { jobId: string; attempt: number }): string => `${jobId}#${attempt}`;

/** First in, first out, one lane per priority; taking from the front costs nothing per waiting job. */
class Lanes {
  private readonly lanes: { jobs: QueuedJob[]; next: number }[] = Array.from({ length: PRIORITIES }, () => ({
    jobs: [],
    next: 0,
  }));

  push(job: QueuedJob): void {
    this.lanes[Math.min(Math.max(job.priority, 0), PRIORITIES - 1)]!.jobs.push(job);
  }

  head(isWaiting: (job: QueuedJob) => boolean): QueuedJob | undefined {
    for (const lane of this.lanes.toReversed()) {
      while (lane.next < lane.jobs.length && !isWaiting(lane.jobs[lane.next]!)) lane.next += 1;
      if (lane.next < lane.jobs.length) return lane.jobs[lane.next];
      lane.jobs = [];
      lane.next = 0;
    }
    return undefined;
  }
}
