import { describe, expect, it } from '@jest/globals';
import { QUEUE_RULES } from '@foldline/kernel';
import { offer, queuedJob } from '../testing/queued-job.ts';
import { Dispatcher, type DispatchStep } from './dispatcher.ts';
import type { QueuedJob } from './job-queue.ts';

const one = offer({ slots: 1 });
const dispatcherOf = (runners: Record<string, typeof one>, ...jobs: QueuedJob[]): Dispatcher => {
  const dispatcher = new Dispatcher();
  for (const [id, offered] of Object.entries(runners)) dispatcher.registerRunner(id, offered);
  for (const job of jobs) dispatcher.queued(job);
  return dispatcher;
};

/** Carries out every step as the service does; each as `what job [where]`. */
const carryOut = (dispatcher: Dispatcher): string[] => {
  const steps: string[] = [];
  for (let step = dispatcher.next(); step; step = dispatcher.next()) {
    if (step.kind === 'assign') dispatcher.assigned(step.job, step.runnerId);
    steps.push(told(step));
  }
  return steps;
};
const told = (step: DispatchStep): string => {
  const where = step.kind === 'assign' ? ` ${step.runnerId}` : step.kind === 'explain' ? ` ${step.code}` : '';
  return `${step.kind} ${step.job.jobId}#${step.job.attempt}${where}`;
};

const low = { priority: 1, interruptible: true };
const urgent = (index: number, more: Partial<QueuedJob> = {}) => queuedJob(index, { priority: 9, ...more });

describe('The dispatcher', () => {
  it('fills every slot and leaves the rest waiting', () => {
    const dispatcher = dispatcherOf({ a: offer(), b: one }, queuedJob(1), queuedJob(2), queuedJob(3), queuedJob(4));
    expect(carryOut(dispatcher)).toEqual(['assign p1.1#1 a', 'assign p1.2#1 b', 'assign p1.3#1 a']);
    expect(dispatcher.waiting).toBe(1);
  });

  it('serves priority before order', () =>
    expect(carryOut(dispatcherOf({ a: offer() }, queuedJob(1), queuedJob(2), urgent(3)))).toEqual([
      'assign p1.3#1 a',
      'assign p1.1#1 a',
    ]));

  it('does not let a large job hold up a small one that fits', () => {
    const dispatcher = dispatcherOf({ a: offer({ cpu: 4, slots: 9 }) }, queuedJob(1, { requirements: { cpu: 3 } }));
    carryOut(dispatcher);
    dispatcher.queued(urgent(2, { requirements: { cpu: 2 } }));
    dispatcher.queued(queuedJob(3, { requirements: { cpu: 1 } }));
    expect(carryOut(dispatcher)).toEqual(['assign p1.3#1 a']);
  });

  it('says what decided', () => {
    const job = queuedJob(1, { requirements: { cluster: 'low-power' } });
    expect(dispatcherOf({ a: offer() }, job).next()).toEqual({
      kind: 'assign',
      job,
      runnerId: 'a',
      cluster: { id: 'small', power: 'low-power' },
      detail: 'small (low-power) had 2 of 2 slots free; the job asks for low-power',
    });
  });

  it('gives a place away again once it is released, and only once', () => {
    const dispatcher = dispatcherOf({ a: one }, queuedJob(1), queuedJob(2), queuedJob(3));
    carryOut(dispatcher);
    dispatcher.released('p1.1', 1);
    dispatcher.released('p1.1', 1);
    expect(carryOut(dispatcher)).toEqual(['assign p1.2#1 a']);
  });

  it('counts an assignment that it hears of twice once', () => {
    const dispatcher = dispatcherOf({ a: offer() }, queuedJob(1), queuedJob(2));
    dispatcher.assigned(queuedJob(1), 'a');
    dispatcher.assigned(queuedJob(1), 'a');
    expect(carryOut(dispatcher)).toEqual(['assign p1.2#1 a']);
  });

  it('moves an assignment that another scheduler made to where that put it', () => {
    const dispatcher = dispatcherOf({ a: one, b: one }, queuedJob(1));
    carryOut(dispatcher);
    dispatcher.assigned(queuedJob(1), 'b');
    dispatcher.queued(queuedJob(2));
    expect(carryOut(dispatcher)).toEqual(['assign p1.2#1 a']);
  });

  it('does not queue what it knows to run', () => {
    const dispatcher = dispatcherOf({ a: offer() }, queuedJob(1));
    carryOut(dispatcher);
    dispatcher.queued(queuedJob(1));
    expect(dispatcher.waiting).toBe(0);
  });

  it('passes over a job that was cancelled while it waited', () => {
    const dispatcher = dispatcherOf({ a: one }, queuedJob(1), queuedJob(2));
    dispatcher.released('p1.1', 1);
    expect(carryOut(dispatcher)).toEqual(['assign p1.2#1 a']);
  });

  it('knows the load of a runner that introduces itself after its jobs are known', () => {
    const dispatcher = new Dispatcher();
    dispatcher.assigned(queuedJob(1), 'a');
    dispatcher.registerRunner('a', one);
    dispatcher.queued(queuedJob(2));
    expect(carryOut(dispatcher)).toEqual([]);
    dispatcher.registerRunner('a', offer());
    expect(carryOut(dispatcher)).toEqual(['assign p1.2#1 a']);
  });

  it('gives nothing to a runner that is gone', () => {
    const dispatcher = dispatcherOf({ a: one, b: one }, queuedJob(1));
    dispatcher.removeRunner('a');
    expect(carryOut(dispatcher)).toEqual(['assign p1.1#1 b']);
  });
});

describe('The reason to wait', () => {
  it('is told of every job that no runner could ever take, once', () => {
    const large = { requirements: { cpu: 64 } };
    const dispatcher = dispatcherOf({ a: one }, queuedJob(1, large), queuedJob(2, large), queuedJob(3), queuedJob(4));
    expect(carryOut(dispatcher)).toEqual(['assign p1.3#1 a', 'explain p1.1#1 too_large', 'explain p1.2#1 too_large']);
    expect(carryOut(dispatcher)).toEqual([]);
  });

  it('says that tags are lacking, and goes on when a runner comes that has them', () => {
    const dispatcher = dispatcherOf({ a: offer() }, queuedJob(1, { requirements: { tags: ['gpu'] } }), queuedJob(2));
    expect(carryOut(dispatcher)).toEqual(['assign p1.2#1 a', 'explain p1.1#1 no_tags']);
    dispatcher.registerRunner('b', offer({ tags: ['gpu'] }));
    expect(carryOut(dispatcher)).toEqual(['assign p1.1#1 b']);
  });

  it('is the limit of its project, told once, until one of its jobs has ended', () => {
    const dispatcher = new Dispatcher({ ...QUEUE_RULES, projectLimit: 1 });
    dispatcher.registerRunner('a', offer());
    for (const job of [queuedJob(1), queuedJob(2), queuedJob(3), queuedJob(4, { projectId: 'other' })])
      dispatcher.queued(job);
    expect(carryOut(dispatcher)).toEqual([
      'assign p1.1#1 a',
      'assign p1.4#1 a',
      'explain p1.2#1 project_limit',
      'explain p1.3#1 project_limit',
    ]);
    expect(carryOut(dispatcher)).toEqual([]);
    dispatcher.released('p1.1', 1);
    expect(carryOut(dispatcher)).toEqual(['assign p1.2#1 a']);
  });

  it('is told again when the runners have changed', () => {
    const dispatcher = dispatcherOf({ a: one }, queuedJob(1, { requirements: { cpu: 64 } }));
    carryOut(dispatcher);
    dispatcher.registerRunner('b', one);
    expect(carryOut(dispatcher)).toEqual(['explain p1.1#1 too_large']);
    dispatcher.removeRunner('a');
    dispatcher.removeRunner('b');
    dispatcher.expectingRunners = false;
    expect(carryOut(dispatcher)).toEqual(['explain p1.1#1 no_runner']);
  });

  it('is not told of a job that has gone', () => {
    const dispatcher = dispatcherOf({ a: one }, queuedJob(1, { requirements: { cpu: 64 } }));
    dispatcher.released('p1.1', 1);
    expect(carryOut(dispatcher)).toEqual([]);
  });

  it('is not missing runners while they are still expected', () => {
    const dispatcher = dispatcherOf({}, queuedJob(1));
    expect(carryOut(dispatcher)).toEqual([]);
    dispatcher.expectingRunners = false;
    expect(carryOut(dispatcher)).toEqual(['explain p1.1#1 no_runner']);
  });
});

describe('A job that is more important than running ones', () => {
  const busyWith = (runners: Record<string, typeof one>, ...jobs: QueuedJob[]): Dispatcher => {
    const dispatcher = dispatcherOf(runners, ...jobs);
    carryOut(dispatcher);
    return dispatcher;
  };

  it('takes the place of the least important, of equals that of the youngest', () => {
    const slots = { a: offer({ slots: 3 }) };
    const dispatcher = busyWith(slots, queuedJob(1, { ...low, priority: 2 }), queuedJob(2, low), queuedJob(3, low));
    dispatcher.queued(urgent(4));
    expect(carryOut(dispatcher)).toEqual(['preempt p1.3#1']);
    dispatcher.released('p1.3', 1);
    dispatcher.queued(queuedJob(3, { ...low, attempt: 2 }));
    expect(carryOut(dispatcher)).toEqual(['assign p1.4#1 a']);
  });

  it('asks one job at a time to make room', () => {
    const dispatcher = busyWith({ a: offer() }, queuedJob(1, low), queuedJob(2, low));
    dispatcher.queued(urgent(3));
    expect(carryOut(dispatcher)).toEqual(['preempt p1.2#1']);
    dispatcher.queued(urgent(4));
    expect(carryOut(dispatcher)).toEqual([]);
    dispatcher.released('p1.2', 1);
    expect(carryOut(dispatcher)).toEqual(['assign p1.3#1 a', 'preempt p1.1#1']);
  });

  it('stops nobody who may not be interrupted, is as important, or when it is of no importance itself', () => {
    const stopped = (running: Partial<QueuedJob>, waiting: QueuedJob): string[] => {
      const dispatcher = busyWith({ a: one }, queuedJob(1, running));
      dispatcher.queued(waiting);
      return carryOut(dispatcher);
    };
    expect(stopped({ priority: 1 }, urgent(2))).toEqual([]);
    expect(stopped({ ...low, priority: 9 }, urgent(2))).toEqual([]);
    expect(stopped({ ...low, priority: 0 }, queuedJob(2, { priority: 0 }))).toEqual([]);
    expect(stopped(low, urgent(2))).toEqual(['preempt p1.1#1']);
  });

  it('stops nobody whose runner it could not use', () => {
    const high = offer({ power: 'high-power', slots: 1 });
    const dispatcher = busyWith(
      { small: one, big: high },
      queuedJob(1, low),
      queuedJob(2, { ...low, highPowerAllowed: true }),
    );
    dispatcher.queued(urgent(3, { requirements: { cpu: 8 } }));
    dispatcher.queued(urgent(4, { requirements: { cluster: 'high-power' }, highPowerAllowed: true }));
    expect(carryOut(dispatcher)).toEqual(['preempt p1.2#1', 'explain p1.3#1 too_large']);
  });

  it('stops nobody when a runner is free', () => {
    const dispatcher = busyWith({ a: one, b: one }, queuedJob(1, low));
    dispatcher.queued(urgent(2));
    expect(carryOut(dispatcher)).toEqual(['assign p1.2#1 b']);
  });

  it('stops nobody when one job’s place would not be enough', () => {
    const half = { ...low, requirements: { cpu: 2 } };
    const dispatcher = busyWith({ a: offer() }, queuedJob(1, half), queuedJob(2, half));
    dispatcher.queued(urgent(3, { requirements: { cpu: 4 } }));
    expect(carryOut(dispatcher)).toEqual([]);
  });

  it('may ask again when the request was not carried out', () => {
    const dispatcher = busyWith({ a: one }, queuedJob(1, low));
    dispatcher.queued(urgent(2));
    carryOut(dispatcher);
    dispatcher.assigned(queuedJob(1, low), 'a');
    expect(carryOut(dispatcher)).toEqual(['preempt p1.1#1']);
  });
});
