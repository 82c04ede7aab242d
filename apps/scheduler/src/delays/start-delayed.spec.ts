import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '@foldline/testing';
import { LeaseStory, SECOND, millisOf } from '../testing/lease-story.ts';
import { Schedulers, type Scheduler } from '../testing/schedulers.ts';

const MINUTE = 60 * SECOND;
const rollout = { name: 'rollout', when: 'delayed', startInSeconds: 600 } as const;

let clock: ManualClock;
let schedulers: Schedulers;
let story: LeaseStory;
let scheduler: Scheduler;

beforeEach(async () => {
  clock = new ManualClock();
  schedulers = await Schedulers.open(clock);
  story = new LeaseStory(schedulers, [clock]);
  scheduler = await schedulers.start();
});
afterEach(() => schedulers.close());

const waited = async (): Promise<number> => {
  const [delayed] = story.pipeline('JobDelayed');
  const due = await story.until(() => story.pipeline('JobDue')[0]);
  return millisOf(due) - millisOf(delayed);
};
const onTime = (ms: number): void => {
  expect(ms).toBeGreaterThanOrEqual(10 * MINUTE);
  expect(ms).toBeLessThanOrEqual(10 * MINUTE + 10 * SECOND);
};

describe('The time of a delayed job', () => {
  it('ends by itself, and the job is queued once', async () => {
    await story.start(scheduler, [rollout]);
    onTime(await waited());
    await story.pass(MINUTE);
    expect(story.pipeline('JobQueued')).toHaveLength(1);
    expect(schedulers.errors).toEqual([]);
  });

  it('goes on while no scheduler is there', async () => {
    await story.start(scheduler, [rollout]);
    await story.pass(4 * MINUTE);
    await schedulers.stop(scheduler);
    await story.pass(5 * MINUTE);
    expect(story.pipeline('JobDue')).toEqual([]);
    await schedulers.start();
    onTime(await waited());
  });

  it('that was over while no scheduler was there ends when one is', async () => {
    await story.start(scheduler, [rollout]);
    await schedulers.stop(scheduler);
    await story.pass(30 * MINUTE);
    await schedulers.start();
    await story.until(() => story.pipeline('JobQueued')[0]);
  });

  it('means nothing for a job that a person has started', async () => {
    await story.start(scheduler, [rollout]);
    const cause = { id: 'play', actor: { kind: 'user', id: 'ada' } } as const;
    await scheduler.dispatch.handle('p1', { type: 'PlayJob', jobId: 'p1.0', by: 'ada' }, cause);
    await story.pass(20 * MINUTE);
    expect(story.pipeline('JobQueued')).toHaveLength(1);
    expect(story.pipeline('JobDue')).toEqual([]);
  });
});
