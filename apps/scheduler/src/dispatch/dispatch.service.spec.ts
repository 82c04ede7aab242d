import { afterEach, describe, expect, it } from '@jest/globals';
import type { JobAssigned, RecordedEvent } from '@foldline/contracts';
import { systemClock } from '@foldline/host';
import { PermanentError, QUEUE_RULES, type Cause, type EventStore, type ReadModels } from '@foldline/kernel';
import { ManualClock, storeWith } from '@foldline/testing';
import type { PipelineCommand } from '../pipeline/pipeline.decider.ts';
import { pipelineContext, plan, type JobSketch } from '../testing/plan-builder.ts';
import { offer } from '../testing/queued-job.ts';
import { Schedulers, type Scheduler } from '../testing/schedulers.ts';

let schedulers: Schedulers;
afterEach(() => schedulers.close());

let serial = 0;
const give = (scheduler: Scheduler, command: PipelineCommand, pipelineId = 'p1'): Promise<void> => {
  const cause: Cause = { id: `test ${serial++}`, actor: { kind: 'user', id: 'ada' } };
  return scheduler.dispatch.handle(pipelineId, command, cause);
};
const start = (scheduler: Scheduler, jobs: readonly (string | JobSketch)[], pipelineId = 'p1', owner = 'ada') =>
  give(
    scheduler,
    { type: 'StartPipeline', context: pipelineContext(pipelineId, owner), plan: plan(...jobs) },
    pipelineId,
  );
const finish = (jobId: string, attempt = 1): PipelineCommand => ({
  type: 'FinishAttempt',
  jobId,
  attempt,
  outcome: 'success',
  commits: [],
});
type Assigned = ReturnType<typeof JobAssigned>['data'];
const assignedJobs = (events: readonly RecordedEvent[]): string[] => events.map(({ data }) => (data as Assigned).jobId);

describe('A scheduler', () => {
  it('gives jobs away as slots become free', async () => {
    schedulers = await Schedulers.open(systemClock);
    await schedulers.runner('r1', offer({ slots: 1 }));
    const scheduler = await schedulers.start();
    await start(scheduler, ['a', 'b']);
    expect(assignedJobs(await schedulers.until('JobAssigned'))).toEqual(['p1.0']);
    await give(scheduler, finish('p1.0'));
    expect(assignedJobs(await schedulers.until('JobAssigned', 2))).toEqual(['p1.0', 'p1.1']);
  });

  it('lets only owners with permission use high power, and says so to the others', async () => {
    schedulers = await Schedulers.open(systemClock);
    await schedulers.runner('r1', offer({ power: 'high-power' }));
    const scheduler = await schedulers.start();
    const asking = { name: 'a', runner: { cluster: 'high-power' } } as const;
    await start(scheduler, [asking], 'p1', 'ada');
    await start(scheduler, [asking], 'p2', 'bob');
    await schedulers.until('JobAssigned', 1, 'p1');
    const [waiting] = await schedulers.until('JobWaiting', 1, 'p2');
    expect(waiting?.data).toMatchObject({ jobId: 'p2.0', code: 'no_permission' });
  });

  it('stops an interruptible job for a more important one and queues it again', async () => {
    schedulers = await Schedulers.open(systemClock);
    await schedulers.runner('r1', offer({ slots: 1 }));
    const scheduler = await schedulers.start();
    await start(scheduler, [{ name: 'a', interruptible: true, priority: 1 }]);
    await schedulers.until('JobAssigned');
    await start(scheduler, [{ name: 'b', priority: 9 }], 'p2');
    await schedulers.until('JobStopRequested');
    await give(scheduler, { ...finish('p1.0'), outcome: 'cancelled' } as PipelineCommand);
    await schedulers.until('JobAssigned', 1, 'p2');
    await give(scheduler, finish('p2.0'), 'p2');
    const assigned = await schedulers.until('JobAssigned', 2);
    expect(assigned.map(({ data }) => (data as Assigned).attempt)).toEqual([1, 2]);
  });

  it('tells a job that there is no runner only when runners had time to say hello', async () => {
    const clock = new ManualClock();
    schedulers = await Schedulers.open(clock);
    const scheduler = await schedulers.start();
    await start(scheduler, ['a']);
    expect(scheduler.dispatch.dispatcher.next()).toBeUndefined();
    await clock.sleeping(10_000);
    clock.advance(10_000);
    const [waiting] = await schedulers.until('JobWaiting');
    expect(waiting?.data).toMatchObject({ jobId: 'p1.0', code: 'no_runner' });
  });
});

describe('A scheduler that starts again', () => {
  it('gives free slots away, and those in use when they become free', async () => {
    schedulers = await Schedulers.open(systemClock);
    const first = await schedulers.start();
    await start(first, ['ended']);
    await start(first, ['a', 'b', 'c'], 'p2');
    await schedulers.runner('r1', offer({ slots: 2 }));
    await schedulers.until('JobAssigned');
    await give(first, finish('p1.0'));
    await schedulers.until('JobAssigned', 2, 'p2');
    await schedulers.stop(first);
    await give(first, finish('p2.0'), 'p2');

    const second = await schedulers.start();
    expect(assignedJobs(await schedulers.until('JobAssigned', 3, 'p2'))).toEqual(['p2.0', 'p2.1', 'p2.2']);
    await start(second, ['later'], 'p3');
    expect(second.dispatch.dispatcher.waiting).toBe(1);
    await give(second, finish('p2.1'), 'p2');
    await schedulers.until('JobAssigned', 1, 'p3');
  });
});

describe('The limit of a project', () => {
  const queueRules = { ...QUEUE_RULES, projectLimit: 2 };

  it('holds after a restart, and the job that waits for it says so once', async () => {
    schedulers = await Schedulers.open(systemClock);
    await schedulers.runner('r1', offer({ slots: 4 }));
    const first = await schedulers.start({ queueRules });
    await start(first, ['a', 'b', 'c']);
    const [waiting] = await schedulers.until('JobWaiting');
    expect(waiting?.data).toMatchObject({ jobId: 'p1.2', code: 'project_limit' });
    await schedulers.stop(first);

    const second = await schedulers.start({ queueRules });
    await start(second, ['d'], 'p2');
    await schedulers.until('JobWaiting', 1, 'p2');
    await give(second, finish('p1.0'));
    expect(assignedJobs(await schedulers.until('JobAssigned', 3))).toEqual(['p1.0', 'p1.1', 'p1.2']);
    await give(second, finish('p1.1'));
    await schedulers.until('JobAssigned', 1, 'p2');
    expect(await schedulers.until('JobWaiting')).toHaveLength(1);
  });
});

describe('The order of the queue', () => {
  const PIPELINES = ['p1', 'p2', 'p3'];

  it('is after a restart what it was before: by priority and waiting, over all pipelines', async () => {
    const clock = new ManualClock();
    schedulers = await Schedulers.open(clock);
    const first = await schedulers.start();
    for (const pipelineId of PIPELINES) {
      const jobs = ['a', { name: 'b', priority: 6 }, 'c'];
      await start(first, jobs, pipelineId);
      clock.advance(60_000);
    }
    const order = (scheduler: Scheduler): string[] => {
      const { dispatcher } = scheduler.dispatch;
      dispatcher.registerRunner('r1', offer({ slots: 9, cpu: 9 }));
      return Array.from({ length: 9 }, () => {
        const step = dispatcher.next()!;
        if (step.kind === 'assign') dispatcher.assigned(step.job, 'r1');
        return step.job.jobId;
      });
    };
    await schedulers.stop(first);
    const second = await schedulers.start();
    const expected = ['p1.1', 'p2.1', 'p3.1', 'p1.0', 'p1.2', 'p2.0', 'p2.2', 'p3.0', 'p3.2'];
    // Schedulers that do not lead decide nothing by themselves.
    for (const scheduler of [first, second]) {
      scheduler.dispatch.lead(false);
      expect(order(scheduler)).toEqual(expected);
    }
  });
});

describe('A scheduler whose read models have not caught up', () => {
  const WAITS = 'the scheduler waits for the read models, which an api-gateway brings up to date';
  /** Says so many times that the time is over. */
  const late = (times: number): ReadModels => ({ position: () => 0, reached: async () => times-- <= 0 });

  it('says what it waits for, and begins when they have', async () => {
    schedulers = await Schedulers.open(systemClock);
    await schedulers.runner('r1', offer({ slots: 1 }));
    const scheduler = await schedulers.start({ readModels: late(1) });
    expect(schedulers.warnings).toEqual([WAITS]);
    await start(scheduler, ['a']);
    await schedulers.until('JobAssigned');
  });

  it('does not begin where nobody brings them up to date', async () => {
    schedulers = await Schedulers.open(systemClock);
    const begun = schedulers.start({ readModels: late(2) });
    await expect(begun).rejects.toThrow('the read models do not catch up with the log: does an api-gateway run?');
  });
});

describe('A step that could not be carried out', () => {
  /** Refuses to store the first so many assignments. */
  const failing = (store: EventStore, times: number): EventStore =>
    storeWith(store, {
      append: async (stream, events, expected) => {
        if (events[0]?.type === 'JobAssigned' && times-- > 0) throw new PermanentError('the disk is full');
        return store.append(stream, events, expected);
      },
    });

  it('is tried again after a pause until it succeeds', async () => {
    const clock = new ManualClock();
    schedulers = await Schedulers.open(clock);
    await schedulers.runner('r1', offer({ slots: 1 }));
    const scheduler = await schedulers.start({ store: failing(schedulers.store, 2) });
    await start(scheduler, ['a']);
    for (let n = 0; n < 2; n += 1) {
      await clock.sleeping(1_000);
      clock.advance(1_000);
    }
    expect(assignedJobs(await schedulers.until('JobAssigned'))).toEqual(['p1.0']);
    expect(schedulers.errors).toEqual(['could not assign a job', 'could not assign a job']);
  });
});

describe('Two schedulers on one log', () => {
  const PIPELINES = 12;
  const JOBS = 8;

  it('assign each job once and finish every pipeline', async () => {
    schedulers = await Schedulers.open(systemClock);
    const both = [await schedulers.start(), await schedulers.start()] as const;
    await schedulers.runner('r1', offer({ slots: 3 }));
    await schedulers.runner('r2', offer({ slots: 3 }));
    const ids = Array.from({ length: PIPELINES }, (_, n) => `p${n}`);
    const jobs = Array.from({ length: JOBS }, (_, n) => (n < 4 ? `job ${n}` : `job ${n} needs job ${n - 4}`));
    const work = ids.map(async (pipelineId, n) => {
      await start(both[n % 2]!, jobs, pipelineId);
      for (let done = 1; done <= JOBS; done += 1) {
        const { jobId } = (await schedulers.until('JobAssigned', done, pipelineId))[done - 1]!.data as Assigned;
        // News come to whoever is at hand, as after consumers were distributed anew.
        await give(both[(n + done) % 2]!, finish(jobId), pipelineId);
      }
    });
    await Promise.all(work);
    for (const pipelineId of ids) {
      const [end] = await schedulers.until('PipelineFinished', 1, pipelineId);
      expect(end?.data).toMatchObject({ status: 'success' });
      const assigned = assignedJobs(await schedulers.until('JobAssigned', JOBS, pipelineId));
      expect(new Set(assigned).size).toBe(JOBS);
      expect(assigned).toHaveLength(JOBS);
    }
    expect(schedulers.errors).toEqual([]);
  });

  it('that choose different runners at once both go by what the log says', async () => {
    schedulers = await Schedulers.open(systemClock);
    const first = await schedulers.start();
    const ids = Array.from({ length: PIPELINES }, (_, n) => `p${n}`);
    for (const pipelineId of ids) await start(first, ['a'], pipelineId);
    const second = await schedulers.start();
    first.dispatch.dispatcher.registerRunner('r1', offer({ slots: PIPELINES }));
    second.dispatch.dispatcher.registerRunner('r2', offer({ slots: PIPELINES }));
    for (const { dispatch } of [first, second]) dispatch.dispatch();
    for (const pipelineId of ids) {
      const [assigned] = await schedulers.until('JobAssigned', 1, pipelineId);
      await give(second, { type: 'CancelPipeline', pipelineId, by: 'ada' }, pipelineId);
      const [stop] = await schedulers.until('JobStopRequested', 1, pipelineId);
      expect(stop?.data).toMatchObject({ runnerId: (assigned!.data as Assigned).runnerId });
    }
  });

  it('take over what the other one leaves behind', async () => {
    schedulers = await Schedulers.open(systemClock);
    const [first, second] = [await schedulers.start(), await schedulers.start()];
    await schedulers.runner('r1', offer({ slots: 1 }));
    await start(first, ['a', 'b', 'c']);
    await schedulers.until('JobAssigned');
    await schedulers.stop(first);
    for (const [n, jobId] of ['p1.0', 'p1.1', 'p1.2'].entries()) {
      await schedulers.until('JobAssigned', n + 1);
      await give(second, finish(jobId));
    }
    const [end] = await schedulers.until('PipelineFinished');
    expect(end?.data).toMatchObject({ status: 'success' });
  });
});
