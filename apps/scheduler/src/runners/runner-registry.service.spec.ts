import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RunnerLost, RunnerRegistered, type RunnerOffer } from '@foldline/contracts';
import { systemClock } from '@foldline/host';
import { givenWhenThen } from '@foldline/testing';
import { pipelineContext, plan } from '../testing/plan-builder.ts';
import { offer } from '../testing/queued-job.ts';
import { Schedulers } from '../testing/schedulers.ts';
import { runnerDecider } from './runner.decider.ts';

const hello = (epoch: string, offered: RunnerOffer = offer()) => ({ runnerId: 'r1', epoch, offer: offered });
const register = (epoch: string, offered?: RunnerOffer, alone = false) =>
  ({ type: 'RegisterRunner', ...hello(epoch, offered), alone }) as const;

const lost = (epoch: string) => RunnerLost({ runnerId: 'r1', epoch, because: 'silence' });

describe('A runner that says hello', () => {
  const given = givenWhenThen(runnerDecider);
  const first = RunnerRegistered(hello('e1'));

  it('is recorded', () => given().when(register('e1')).then(first));
  it('is recorded once', () => given(first).when(register('e1')).thenNothing());
  it('is recorded anew when its process is, which ends what was given to the one before', () =>
    given(first)
      .when(register('e2'))
      .then(
        RunnerLost({ runnerId: 'r1', epoch: 'e1', because: expect.any(String) as never }),
        RunnerRegistered(hello('e2')),
      ));
  it('goes on with what the process before was given when nothing else can be left of it', () =>
    given(first)
      .when(register('e2', undefined, true))
      .then(RunnerRegistered(hello('e2'))));
  it('comes too late when its epoch is over', () => {
    given(first, lost('e1')).when(register('e1')).thenNothing();
    given(first, RunnerRegistered(hello('e2')))
      .when(register('e1', undefined, true))
      .thenNothing();
  });
  it('is there again with a new epoch after it was lost', () =>
    given(first, lost('e1'))
      .when(register('e2'))
      .then(RunnerRegistered(hello('e2'))));
  it('is recorded anew when it offers something else', () =>
    given(first)
      .when(register('e1', offer({ slots: 7 })))
      .then(RunnerRegistered(hello('e1', offer({ slots: 7 })))));
});

describe('A runner that is silent', () => {
  const given = givenWhenThen(runnerDecider);
  const first = RunnerRegistered(hello('e1'));
  const lose = (epoch: string) => ({ type: 'LoseRunner', runnerId: 'r1', epoch, because: 'silence' }) as const;

  it('is lost', () => given(first).when(lose('e1')).then(lost('e1')));
  it('is lost once', () => given(first, lost('e1')).when(lose('e1')).thenNothing());
  it('is not lost because of an epoch that it has left', () =>
    given(first, RunnerRegistered(hello('e2')))
      .when(lose('e1'))
      .thenNothing());
  it('is not lost when it never was there', () => given().when(lose('e1')).thenNothing());
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

  it('knows what a runner offers, also when it offers again what it offered before: its daemon was gone', async () => {
    const offers = [['process', 'docker'], ['process'], ['process', 'docker']].map((executors) => offer({ executors }));
    await schedulers.start();
    for (const [n, offered] of offers.entries()) {
      await schedulers.runner('r1', offered);
      await recorded(n + 1);
    }
    expect(await recorded(3)).toEqual(offers.map((offered) => hello('e1', offered)));
  });
});
