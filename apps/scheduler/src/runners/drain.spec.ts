import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RunnerDraining, RunnerLost, RunnerRegistered, leaseTerms, runnerStream } from '@foldline/contracts';
import { ManualClock, givenWhenThen } from '@foldline/testing';
import { LeaseStory, SECOND, millisOf, type TalkingRunner } from '../testing/lease-story.ts';
import { offer } from '../testing/queued-job.ts';
import { LEASE_MS, Schedulers, type Scheduler } from '../testing/schedulers.ts';
import { runnerDecider } from './runner.decider.ts';

const { graceMs, watchMs } = leaseTerms(LEASE_MS);

let clock: ManualClock;
let schedulers: Schedulers;
let story: LeaseStory;
let scheduler: Scheduler;
let r1: TalkingRunner;

beforeEach(async () => {
  clock = new ManualClock();
  schedulers = await Schedulers.open(clock);
  story = new LeaseStory(schedulers, [clock]);
  scheduler = await schedulers.start();
  r1 = story.runner('r1');
  await r1.sayHello();
  await story.until(() => r1.answers.length > 0);
});
afterEach(() => schedulers.close());

const drain = async (): Promise<void> => {
  r1.draining = true;
  await r1.sayHello();
  await story.until(() => story.of(runnerStream('r1'), 'RunnerDraining')[0]);
};
const jobIsGiven = async (): Promise<void> => {
  await story.start(scheduler, ['a']);
  await story.until(() => story.pipeline('JobAssigned').length > 0);
};

describe('A runner that drains', () => {
  it('is recorded as draining once, however often it says so', async () => {
    await drain();
    await story.pass(60 * SECOND);
    expect(story.of(runnerStream('r1'), 'RunnerDraining')).toHaveLength(1);
  });

  it('gets no new jobs, and keeps its lease', async () => {
    await drain();
    const before = r1.answers.length;
    await story.start(scheduler, ['a']);
    await story.pass(2 * LEASE_MS);
    expect(story.pipeline('JobAssigned')).toEqual([]);
    expect(r1.answers.length).toBeGreaterThan(before);
    expect(story.lost('r1')).toBeUndefined();
  });

  it('gives what it had not begun to others at once, as the same job for nothing', async () => {
    await jobIsGiven();
    story.runner('r2');
    const since = Date.parse(clock.now());
    await drain();
    await story.until(() => story.pipeline('JobAssigned').length === 2);
    expect(story.pipeline('JobRetried').map(({ data }) => data)).toMatchObject([{ by: 'not_started', attempt: 2 }]);
    expect(story.pipeline('JobAssigned')[1]?.data).toMatchObject({ runnerId: 'r2', attempt: 2 });
    expect(millisOf(story.pipeline('JobRetried')[0]) - since).toBeLessThan(graceMs);
  });

  it('keeps what it has begun, and has the last word on it', async () => {
    await jobIsGiven();
    await story.attemptStarted('p1.0', 'r1');
    story.runner('r2');
    await drain();
    await story.pass(LEASE_MS + 2 * graceMs);
    expect(story.pipeline('JobRetried')).toEqual([]);
    await story.attemptFinished('p1.0', 'r1');
    await story.tellFinished(scheduler, 'p1.0', 'r1');
    expect(await schedulers.until('JobSucceeded')).toHaveLength(1);
  });

  it('gives back what was on its way to it when it began to drain', async () => {
    const hello = scheduler.dispatch.dispatcher;
    await drain();
    hello.registerRunner('r1', offer({ slots: 1 }), r1.epoch);
    await jobIsGiven();
    hello.removeRunner('r1');
    await story.pass(2 * watchMs);
    expect(story.pipeline('JobRetried').map(({ data }) => data)).toMatchObject([{ by: 'not_started' }]);
  });

  it('is known to drain by a scheduler that takes over, which goes on giving away', async () => {
    await drain();
    await schedulers.stop(scheduler);
    scheduler = await schedulers.start();
    await story.start(scheduler, ['a']);
    await story.pass(60 * SECOND);
    expect(story.pipeline('JobAssigned')).toEqual([]);
    expect(story.lost('r1')).toBeUndefined();
  });

  it('is stopped in order when it says goodbye, and not lost later', async () => {
    await drain();
    await r1.sayGoodbye();
    const lost = await story.until(() => story.lost('r1'));
    expect(lost.data).toMatchObject({ epoch: r1.epoch, inOrder: true });
    await story.pass(2 * LEASE_MS);
    expect(story.of(runnerStream('r1'), 'RunnerLost')).toHaveLength(1);
  });

  it('is back under a new epoch when its next process says hello', async () => {
    await drain();
    await r1.sayGoodbye();
    await story.until(() => story.lost('r1'));
    r1.silent = r1.draining = false;
    r1.epoch = 'r1 second';
    await jobIsGiven();
    expect(story.pipeline('JobAssigned')[0]?.data).toMatchObject({ runnerId: 'r1', epoch: 'r1 second' });
  });
});

describe('The record of a runner', () => {
  const offered = offer({ slots: 1 });
  const about = { runnerId: 'r1', epoch: 'e1' };
  const registered = RunnerRegistered({ ...about, offer: offered });
  const draining = RunnerDraining(about);
  const drainIt = { type: 'DrainRunner', ...about } as const;
  const given = givenWhenThen(runnerDecider);

  it('says once that it drains', () => {
    given(registered).when(drainIt).then(draining);
    given(registered, draining).when(drainIt).thenNothing();
  });

  it('says nothing of an epoch that is not the current one', () => {
    given().when(drainIt).thenNothing();
    given(registered, RunnerRegistered({ ...about, epoch: 'e2', offer: offered }))
      .when(drainIt)
      .thenNothing();
    given(registered, RunnerLost({ ...about, because: 'silence' }))
      .when(drainIt)
      .thenNothing();
  });
});
