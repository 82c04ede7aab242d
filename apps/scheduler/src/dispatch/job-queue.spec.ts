import { describe, expect, it } from '@jest/globals';
import { QUEUE_RULES } from '@foldline/kernel';
import { queuedJob } from '../testing/queued-job.ts';
import { JobQueue, type QueuedJob } from './job-queue.ts';

const queueOf = (...jobs: QueuedJob[]): JobQueue => {
  const queue = new JobQueue();
  for (const job of jobs) queue.add(job);
  return queue;
};
const ids = (jobs: readonly QueuedJob[]): string[] => jobs.map(({ jobId }) => jobId);
const takeAll = (queue: JobQueue): string[] => {
  const taken: string[] = [];
  for (let [head] = queue.heads(); head; [head] = queue.heads()) {
    taken.push(head.jobId);
    queue.remove(head.jobId, head.attempt);
  }
  return taken;
};

describe('The queue', () => {
  it('hands out the highest priority first, and the earliest among equals', () =>
    expect(
      takeAll(queueOf(queuedJob(1), queuedJob(2, { priority: 10 }), queuedJob(3), queuedJob(4, { priority: 0 }))),
    ).toEqual(['p1.2', 'p1.1', 'p1.3', 'p1.4']));

  it('shows one head for each kind of requirement, the best first', () => {
    const large = { requirements: { cpu: 8 } };
    const queue = queueOf(queuedJob(1), queuedJob(2), queuedJob(3, large), queuedJob(4, { ...large, priority: 9 }));
    expect(ids(queue.heads())).toEqual(['p1.4', 'p1.1']);
  });

  it('counts what is asked for, and forgets what nobody asks for any more', () => {
    const queue = queueOf(queuedJob(1), queuedJob(1), queuedJob(2), queuedJob(3, { requirements: { cpu: 8 } }));
    const demand = () => queue.demand.map(({ requirements, waiting }) => [requirements, waiting]);
    expect(demand()).toEqual([
      [{}, 2],
      [{ cpu: 8 }, 1],
    ]);
    for (const removed of [1, 1, 3]) queue.remove(`p1.${removed}`, 1);
    expect(demand()).toEqual([[{}, 1]]);
    queue.remove('p1.2', 1);
    expect(demand()).toEqual([]);
  });

  it('passes over a job that was removed', () => {
    const queue = queueOf(queuedJob(1), queuedJob(2), queuedJob(3));
    queue.remove('p1.1', 1);
    queue.remove('p1.2', 1);
    expect(ids(queue.heads())).toEqual(['p1.3']);
    expect(queue.size).toBe(1);
  });

  it('holds an attempt once, and the next attempt of a job as another one', () => {
    const queue = queueOf(queuedJob(1), queuedJob(1), queuedJob(1, { attempt: 2 }));
    expect(queue.size).toBe(2);
    queue.remove('p1.1', 1);
    expect(queue.heads().map(({ attempt }) => attempt)).toEqual([2]);
  });

  it('takes back an attempt that was removed, to where it was', () => {
    const queue = queueOf(queuedJob(1), queuedJob(2));
    queue.remove('p1.1', 1);
    queue.add(queuedJob(1));
    expect(takeAll(queue)).toEqual(['p1.1', 'p1.2']);
  });

  it('keeps its order while thousands pass through it', () => {
    const queue = new JobQueue();
    const taken: string[] = [];
    for (let n = 0; n < 10_000; n += 1) {
      queue.add(queuedJob(n));
      const [head] = queue.heads();
      if (n % 3 === 0) continue;
      taken.push(head!.jobId);
      queue.remove(head!.jobId, 1);
    }
    expect([...taken, ...takeAll(queue)]).toEqual(Array.from({ length: 10_000 }, (_, n) => `p1.${n}`));
  });

  it('takes a step of priority for five minutes of waiting, so that nothing starves', () => {
    const minute = 60_000;
    const low = queuedJob(1, { priority: 0 });
    const high = (minutes: number): QueuedJob => queuedJob(2, { priority: 1, queuedAt: minutes * minute });
    expect(takeAll(queueOf(low, high(4)))).toEqual(['p1.2', 'p1.1']);
    expect(takeAll(queueOf(low, high(6)))).toEqual(['p1.1', 'p1.2']);
  });

  describe('of several projects', () => {
    const of = (projectId: string, ...indexes: number[]): QueuedJob[] =>
      indexes.map((index) => queuedJob(index, { projectId }));

    it('lets the one go first that has fewer jobs on runners', () => {
      const queue = queueOf(...of('busy', 1, 2), ...of('idle', 3));
      const running = (projectId: string): number => (projectId === 'busy' ? 2 : 0);
      expect(ids(queue.heads(running))).toEqual(['p1.3']);
      queue.remove('p1.3', 1);
      expect(ids(queue.heads(running))).toEqual(['p1.1']);
    });

    it('lets one go first that is busy when its job has waited long enough', () => {
      const queue = queueOf(...of('busy', 1), queuedJob(2, { projectId: 'idle', queuedAt: 3 * 60_000 }));
      expect(ids(queue.heads((projectId) => (projectId === 'busy' ? 2 : 0)))).toEqual(['p1.1']);
    });

    it('gives none of them more than it may have on runners', () => {
      const queue = new JobQueue({ ...QUEUE_RULES, projectLimit: 2 });
      for (const job of [...of('full', 1, 2), ...of('other', 3)]) queue.add(job);
      expect(ids(queue.heads((projectId) => (projectId === 'full' ? 2 : 0)))).toEqual(['p1.3']);
      expect(ids(queue.heads())).toEqual(['p1.1']);
    });
  });
});

describe('Jobs that have not been looked at', () => {
  type Reasons = Parameters<JobQueue['nextUntold']>[0];
  const reason = { code: 'too_large', detail: 'nobody is as large' };
  const all: Reasons = () => () => reason;
  const look = (queue: JobQueue, reasons = all): string[] => {
    const seen: string[] = [];
    for (let told = queue.nextUntold(reasons); told; told = queue.nextUntold(reasons)) seen.push(told.job.jobId);
    return seen;
  };

  it('come up once each', () => {
    const queue = queueOf(queuedJob(1), queuedJob(2), queuedJob(3, { requirements: { cpu: 8 } }));
    expect(look(queue)).toEqual(['p1.1', 'p1.2', 'p1.3']);
    queue.add(queuedJob(4));
    expect(look(queue)).toEqual(['p1.4']);
  });

  it('come up again when that is wanted, but for those that are gone', () => {
    const queue = queueOf(queuedJob(1), queuedJob(2), queuedJob(3));
    look(queue);
    queue.remove('p1.2', 1);
    queue.untellAll();
    expect(look(queue)).toEqual(['p1.1', 'p1.3']);
  });

  it('do not come up when nobody asks for their kind', () => {
    const queue = queueOf(queuedJob(1), queuedJob(2, { requirements: { cpu: 8 } }));
    expect(look(queue, ({ requirements }) => (requirements.cpu === 8 ? () => reason : undefined))).toEqual(['p1.2']);
    expect(look(queue)).toEqual([]);
  });

  it('are looked at once also where they have no reason to wait', () => {
    const queue = queueOf(queuedJob(1), queuedJob(2), queuedJob(3));
    const looked: string[] = [];
    const ofSecond: Reasons = () => (job) => {
      looked.push(job.jobId);
      return job.jobId === 'p1.2' ? reason : undefined;
    };
    expect(look(queue, ofSecond)).toEqual(['p1.2']);
    expect(look(queue, ofSecond)).toEqual([]);
    expect(looked).toEqual(['p1.1', 'p1.2', 'p1.3']);
  });

  it('come up although others before them have gone and were cleared away', () => {
    const queue = queueOf(...Array.from({ length: 3000 }, (_, n) => queuedJob(n)));
    for (let n = 0; n < 2990; n += 1) queue.remove(`p1.${n}`, 1);
    queue.heads();
    expect(look(queue)).toEqual(Array.from({ length: 10 }, (_, n) => `p1.${2990 + n}`));
  });
});
