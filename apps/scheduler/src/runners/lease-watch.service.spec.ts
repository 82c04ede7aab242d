import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { leaseTerms, pipelineStream } from '@foldline/contracts';
import { Commands, TransientError, type EventStore } from '@foldline/kernel';
import { ManualClock } from '@foldline/testing';
import { pipelineDecider } from '../pipeline/pipeline.decider.ts';
import { LeaseStory, SECOND, cuttable, millisOf, type TalkingRunner } from '../testing/lease-story.ts';
import { LEASE_MS, Schedulers, type Scheduler } from '../testing/schedulers.ts';

const { graceMs, suspectMs, watchMs } = leaseTerms(LEASE_MS);

let clock: ManualClock;
let schedulers: Schedulers;
let story: LeaseStory;
let scheduler: Scheduler;
let r1: TalkingRunner;

beforeEach(async () => {
  clock = new ManualClock();
  schedulers = await Schedulers.open(clock);
  story = new LeaseStory(schedulers, [clock]);
});
afterEach(() => schedulers.close());

/** One job is given to r1, and r1 has said that it began. */
const oneJobRuns = async (jobs: Parameters<LeaseStory['start']>[1] = ['a'], begun = true): Promise<void> => {
  scheduler = await schedulers.start();
  await theJobIsGiven(jobs, begun);
};
const theJobIsGiven = async (jobs: Parameters<LeaseStory['start']>[1] = ['a'], begun = true): Promise<void> => {
  r1 = story.runner('r1');
  await r1.sayHello();
  await story.until(() => r1.answers.length > 0);
  await story.start(scheduler, jobs);
  await story.until(() => story.pipeline('JobAssigned').length > 0);
  if (begun) await story.attemptStarted('p1.0', 'r1');
};
const assignedTo = (attempt: number) =>
  story.pipeline('JobAssigned').find(({ data }) => (data as { attempt: number }).attempt === attempt)?.data;

describe('A runner that is silent for good', () => {
  it('is lost after its lease, and the job that it had begun goes to another after the grace period', async () => {
    await oneJobRuns();
    const r2 = story.runner('r2');
    r1.silent = true;
    const since = Date.parse(clock.now());
    await story.until(() => story.pipeline('JobRetried').length > 0);
    const lost = story.lost('r1');
    expect(millisOf(lost) - since).toBeGreaterThanOrEqual(LEASE_MS);
    expect(millisOf(story.pipeline('JobFailed')[0]) - millisOf(lost)).toBeGreaterThanOrEqual(graceMs);
    expect(story.pipeline('JobFailed')[0]?.data).toMatchObject({ reason: 'runner_lost', attempt: 1, final: false });
    expect(story.pipeline('JobRetried')[0]?.data).toMatchObject({ by: 'runner_lost', attempt: 2 });
    await story.until(() => assignedTo(2));
    expect(assignedTo(2)).toMatchObject({ runnerId: 'r2', epoch: 'r2 first' });
    expect(r2.answers.length).toBeGreaterThan(0);
    expect(story.lost('r2')).toBeUndefined();
  });

  it('costs a job nothing that it had not begun, also one with an environment', async () => {
    await oneJobRuns([{ name: 'a', environment: { name: 'production' } }], false);
    story.runner('r2');
    r1.silent = true;
    await story.until(() => assignedTo(2));
    const retried = story.pipeline('JobRetried');
    expect(retried.map(({ data }) => data)).toMatchObject([{ by: 'not_started', attempt: 2 }]);
    expect(millisOf(retried[0]) - millisOf(story.lost('r1'))).toBeLessThan(graceMs);
    expect(story.pipeline('JobFailed')).toEqual([]);
  });

  it('leaves a deployment that it had begun to people', async () => {
    await oneJobRuns([{ name: 'a', environment: { name: 'production' } }]);
    r1.silent = true;
    const [failed] = await story.until(() => story.pipeline('JobFailed').length > 0 && story.pipeline('JobFailed'));
    expect(failed?.data).toMatchObject({ reason: 'runner_lost', final: true });
    expect(story.pipeline('JobRetried')).toEqual([]);
  });

  it('has the last word on an attempt whose end it had recorded', async () => {
    await oneJobRuns();
    await story.attemptFinished('p1.0', 'r1');
    r1.silent = true;
    await story.until(() => story.lost('r1'));
    await story.pass(4 * graceMs);
    expect(story.pipeline('JobFailed')).toEqual([]);
    await story.tellFinished(scheduler, 'p1.0', 'r1');
    await story.until(() => story.pipeline('PipelineFinished').length > 0);
    expect(story.pipeline('JobSucceeded')).toHaveLength(1);
  });

  it('comes too late with the end of an attempt that was given away', async () => {
    await oneJobRuns();
    r1.silent = true;
    await story.until(() => story.pipeline('JobRetried').length > 0);
    await story.attemptFinished('p1.0', 'r1');
    await story.tellFinished(scheduler, 'p1.0', 'r1');
    expect(story.pipeline('JobSucceeded')).toEqual([]);
    expect(await schedulers.store.readStream(pipelineStream('p1'))).not.toContainEqual(
      expect.objectContaining({ type: 'JobSucceeded' }),
    );
  });

  it('gets no new jobs long before it is lost, and gets them again when it is heard', async () => {
    await oneJobRuns(['a', 'b']);
    r1.silent = true;
    await story.pass(suspectMs + 20 * SECOND);
    await story.tellFinished(scheduler, 'p1.0', 'r1');
    await story.pass(30 * SECOND);
    expect(story.pipeline('JobAssigned')).toHaveLength(1);
    r1.silent = false;
    await story.until(() => story.pipeline('JobAssigned').length === 2);
    expect(story.lost('r1')).toBeUndefined();
  });
});

describe('A runner that was lost', () => {
  beforeEach(async () => {
    await oneJobRuns();
    r1.silent = true;
    await story.until(() => story.lost('r1'));
  });

  it('is not answered under its old epoch', async () => {
    r1.silent = false;
    const before = r1.answers.length;
    await story.pass(60 * SECOND);
    expect(r1.answers).toHaveLength(before);
  });

  it('does not keep a job that was on its way to it when it was lost', async () => {
    await story.start(scheduler, ['late'], 'p2');
    const about = { jobId: 'p2.0', attempt: 1, cluster: { id: 'small', power: 'low-power' }, detail: '' };
    const late = { type: 'AssignJob', ...about, runnerId: 'r1', epoch: 'r1 first' } as const;
    await scheduler.dispatch.handle('p2', late, { id: 'late', actor: { kind: 'system', id: 'another scheduler' } });
    await story.until(() => story.pipeline('JobRetried', 'p2').length > 0);
    expect(story.pipeline('JobRetried', 'p2')[0]?.data).toMatchObject({ by: 'not_started', attempt: 2 });
  });

  it('is there again with a new one, and gets the job that was taken from it', async () => {
    r1.silent = false;
    r1.epoch = 'r1 second';
    await story.until(() => assignedTo(2));
    expect(assignedTo(2)).toMatchObject({ runnerId: 'r1', epoch: 'r1 second' });
    expect(story.of('runner-r1', 'RunnerRegistered')).toHaveLength(2);
    expect(story.of('runner-r1', 'RunnerLost')).toHaveLength(1);
  });
});

describe('A runner whose place another process takes', () => {
  const retried = (pipelineId = 'p1') => story.pipeline('JobRetried', pipelineId)[0];

  it('loses what it was given at once, and the job is given away after the grace period', async () => {
    await oneJobRuns();
    r1.epoch = 'r1 second';
    await story.until(() => assignedTo(2));
    const lost = story.lost('r1');
    expect(lost?.data).toMatchObject({ epoch: 'r1 first' });
    expect(millisOf(story.pipeline('JobFailed')[0]) - millisOf(lost)).toBeGreaterThanOrEqual(graceMs);
  });

  it('gives what it had not begun to the later one at once, as the same job for nothing', async () => {
    await oneJobRuns(['a'], false);
    r1.epoch = 'r1 second';
    await story.atOnce(() => assignedTo(2));
    expect(retried()?.data).toMatchObject({ by: 'not_started', attempt: 2 });
    expect(assignedTo(2)).toMatchObject({ runnerId: 'r1', epoch: 'r1 second' });
    await story.pass(60 * SECOND);
    expect(story.pipeline('JobAssigned')).toHaveLength(2);
  });

  it('gives back at once what another scheduler gives it after that', async () => {
    await oneJobRuns(['a'], false);
    r1.epoch = 'r1 second';
    await story.atOnce(() => assignedTo(2));
    const other = new Commands(schedulers.store, clock, 'scheduler');
    await story.start(scheduler, ['late'], 'p2');
    const about = { jobId: 'p2.0', attempt: 1, cluster: { id: 'small', power: 'low-power' }, detail: '' };
    const late = { type: 'AssignJob', ...about, runnerId: 'r1', epoch: 'r1 first' } as const;
    await other.handle(pipelineStream('p2'), pipelineDecider, late, {
      id: 'late',
      actor: { kind: 'system', id: 'another scheduler' },
    });
    await story.atOnce(() => retried('p2'));
    expect(story.pipeline('JobAssigned', 'p2')[0]?.data).toMatchObject({ epoch: 'r1 first' });
  });

  it('gives back at once what was on its way into the log when that happened', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const store: EventStore = Object.create(schedulers.store, {
      append: {
        value: async (...call: Parameters<EventStore['append']>) => {
          const [, [event]] = call;
          if (event?.type === 'JobAssigned' && (event.data as { attempt: number }).attempt === 1) await held;
          return schedulers.store.append(...call);
        },
      },
    }) as EventStore;
    scheduler = await schedulers.start({ store });
    r1 = story.runner('r1');
    await r1.sayHello();
    await story.until(() => r1.answers.length > 0);
    await story.start(scheduler, ['a']);
    r1.epoch = 'r1 second';
    await story.until(() => story.lost('r1'));
    await story.pass(2 * watchMs);
    release();
    await story.atOnce(() => assignedTo(2));
    expect(assignedTo(1)).toMatchObject({ epoch: 'r1 first' });
    expect(assignedTo(2)).toMatchObject({ epoch: 'r1 second' });
  });
});

describe('Nobody is lost', () => {
  /** Another runner is silent from now on and is lost at last: whoever should not be lost had the time to be. */
  const otherwise = async (): Promise<void> => {
    const control = story.runner('control');
    await story.until(() => control.answers.length > 0);
    control.silent = true;
    await story.until(() => story.lost('control'));
  };

  it('while the scheduler does not hear its own signals', async () => {
    const cable = cuttable(schedulers.signals);
    scheduler = await schedulers.start({ signals: cable });
    await theJobIsGiven();
    cable.cut = () => true;
    await story.pass(3 * LEASE_MS);
    expect(story.lost('r1')).toBeUndefined();
    cable.cut = () => false;
    await otherwise();
    expect(story.lost('r1')).toBeUndefined();
    expect(story.pipeline('JobFailed')).toEqual([]);
  });

  it('because the scheduler stood still', async () => {
    await oneJobRuns();
    clock.advance(3 * LEASE_MS);
    await otherwise();
    expect(story.lost('r1')).toBeUndefined();
  });

  it('when only the answers get lost', async () => {
    const cable = cuttable(schedulers.signals);
    scheduler = await schedulers.start({ signals: cable });
    await theJobIsGiven();
    cable.cut = (topic) => topic === 'runner.renewed';
    await story.pass(2 * LEASE_MS);
    cable.cut = () => false;
    await otherwise();
    expect(story.lost('r1')).toBeUndefined();
  });

  it('while the log refuses to record it, and nothing is given away', async () => {
    const state = { refuses: false };
    const store: EventStore = Object.create(schedulers.store, {
      append: {
        value: async (...call: Parameters<EventStore['append']>) => {
          if (state.refuses) throw new TransientError('the store is away');
          return schedulers.store.append(...call);
        },
      },
    }) as EventStore;
    scheduler = await schedulers.start({ store });
    await theJobIsGiven();
    state.refuses = true;
    r1.silent = true;
    await story.pass(2 * LEASE_MS);
    expect(schedulers.errors).toContain('that a runner is lost could not be recorded yet');
    expect(story.lost('r1')).toBeUndefined();
    expect(story.pipeline('JobFailed')).toEqual([]);
    state.refuses = false;
    await story.until(() => story.pipeline('JobFailed').length > 0);
    expect(story.of('runner-r1', 'RunnerLost')).toHaveLength(1);
  });
});
