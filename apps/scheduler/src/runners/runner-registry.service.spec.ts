import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RunnerRegistered, type RunnerOffer } from '@foldline/contracts';
import { systemClock } from '@foldline/host';
import { givenWhenThen } from '@foldline/testing';
import { pipelineContext, plan } from '../testing/plan-builder.ts';
import { offer } from '../testing/queued-job.ts';
import { Schedulers } from '../testing/schedulers.ts';
import { runnerDecider } from './runner.decider.ts';

const hello = (epoch: string, offered: RunnerOffer = offer()) => ({ runnerId: 'r1', epoch, offer: offered });

describe('A runner that says hello', () => {
  const given = givenWhenThen(runnerDecider);
  const first = RunnerRegistered(hello('e1'));

  it('is recorded', () =>
    given()
      .when({ type: 'RegisterRunner', ...hello('e1') })
      .then(first));
  it('is recorded once', () =>
    given(first)
      .when({ type: 'RegisterRunner', ...hello('e1') })
      .thenNothing());
  it('is recorded anew when its process is', () =>
    given(first)
      .when({ type: 'RegisterRunner', ...hello('e2') })
      .then(RunnerRegistered(hello('e2'))));
  it('is recorded anew when it offers something else', () =>
    given(first)
      .when({ type: 'RegisterRunner', ...hello('e1', offer({ slots: 7 })) })
      .then(RunnerRegistered(hello('e1', offer({ slots: 7 })))));
});

describe('The registry', () => {
  let schedulers: Schedulers;
  beforeEach(async () => {
    schedulers = await Schedulers.open(systemClock);
  });
  afterEach(() => schedulers.close());
  const recorded = async (count: number) => {
    const found = () => schedulers.log.events.filter(({ stream }) => stream === 'runner-r1');
    await schedulers.log.when(() => found().length >= count);
    return found().map(({ data }) => data);
  };

  it('asks who is there when it starts, and hears who comes later', async () => {
    await schedulers.runner('r1', offer({ slots: 1 }));
    const { dispatch } = await schedulers.start();
    expect(await recorded(1)).toEqual([{ ...hello('e1'), offer: offer({ slots: 1 }) }]);
    const start = { type: 'StartPipeline', context: pipelineContext(), plan: plan('a', 'b') } as const;
    await dispatch.handle('p1', start, { id: 'test', actor: { kind: 'user', id: 'ada' } });
    await schedulers.until('JobAssigned', 1);
    await schedulers.runner('r2', offer({ slots: 1 }));
    const assigned = await schedulers.until('JobAssigned', 2);
    expect(assigned.map(({ data }) => (data as { runnerId: string }).runnerId)).toEqual(['r1', 'r2']);
  });

  it('takes what a runner offers now: more room is used at once', async () => {
    await schedulers.runner('r1', offer({ slots: 1 }));
    const { dispatch } = await schedulers.start();
    const start = { type: 'StartPipeline', context: pipelineContext(), plan: plan('a', 'b') } as const;
    await dispatch.handle('p1', start, { id: 'test', actor: { kind: 'user', id: 'ada' } });
    await schedulers.until('JobAssigned', 1);
    await schedulers.runner('r1', offer({ slots: 2 }));
    await schedulers.until('JobAssigned', 2);
    expect(await recorded(2)).toHaveLength(2);
  });
});
