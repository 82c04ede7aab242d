import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RunnerLost, RunnerRegistered, runnerStream, type PlannedJob } from '@foldline/contracts';
import { TransientError, type Appended } from '@foldline/kernel';
import {
  assign,
  assigned,
  closeBench,
  directories,
  embedded,
  ended,
  endless,
  finish,
  idle,
  leases,
  mark,
  marked,
  openBench,
  runner,
  running,
  script,
  typesOf,
  until,
} from './runner.fixture.ts';

/** Less than what a job has to go by itself when it is cancelled. */
const PATIENCE_MS = 9_000;

/** The log says that the runner is lost; its lease reads that when it looks. */
const isLost = async (): Promise<void> => {
  const [lease] = leases.all;
  const about = { runnerId: 'one', epoch: lease!.epoch };
  const { offer } = embedded.ports.settings.runners[0]!;
  const meta = { causationId: 'c', correlationId: 'one', actor: { kind: 'system', id: 'scheduler' } } as const;
  const events = [RunnerRegistered({ ...about, offer }), RunnerLost({ ...about, because: 'silence' })];
  const prepared = events.map((event) => ({ ...event, ...meta, id: event.type }));
  await embedded.ports.eventStore.append(runnerStream('one'), prepared, -1);
};
/** What happens around the moment at which a start is stored. */
const aroundTheStart = (way: (store: () => Promise<Appended>) => Promise<Appended>): void => {
  const { eventStore } = embedded.ports;
  const append = eventStore.append.bind(eventStore);
  eventStore.append = (...call) => {
    const store = (): Promise<Appended> => append(...call);
    return call[1][0]?.type === 'AttemptStarted' ? way(store) : store();
  };
};

const commandsOf = ({ steps = [] }: Partial<PlannedJob>): string[] =>
  steps.flatMap((step) => (step.kind === 'shell' ? step.commands : []));

describe('a runner that loses its lease', () => {
  beforeEach(openBench);
  afterEach(async () => {
    leases.beforeApplicationShutdown();
    await closeBench();
  });

  it('kills what it runs at once, also what would not go by itself, runs no after_script and reports it as lost', async () => {
    await assign({
      steps: [
        { name: 'script', kind: 'shell', commands: ['trap "" TERM', ...commandsOf(endless())] },
        { name: 'after_script', kind: 'shell', commands: [`echo after >> ${mark()}`] },
      ],
    });
    await runner.accept(assigned);
    await running();
    await isLost();
    leases.keep();
    await until(() => leases.standing('one', assigned.data.epoch) === 'ended');
    const since = performance.now();
    await ended();

    expect(performance.now() - since).toBeLessThan(PATIENCE_MS);
    expect(marked()).toBe('running\n');
    expect(await finish()).toMatchObject({ outcome: 'lost', reason: 'runner_lost' });
    expect(directories()).toEqual([]);
  });

  it('takes nothing more that was given to it under that lease, however often', async () => {
    await assign(script(`echo ran >> ${mark()}`));
    const { epoch } = leases.all[0]!;
    await isLost();
    const over = new Promise<void>((resolve) => leases.onEnded(() => resolve()));
    leases.keep();
    await over;
    for (let n = 0; n < 2; n += 1) await runner.accept(assigned);
    await idle();

    expect(assigned.data.epoch).toBe(epoch);
    expect({ events: await typesOf(), marked: marked() }).toEqual({ events: [], marked: '' });
  });

  it('runs nothing of a job whose start was stored when the lease was over', async () => {
    await assign(script(`echo ran >> ${mark()}`));
    aroundTheStart(async (store) => {
      const stored = await store();
      expect(leases.all[0]!.expired(Number.POSITIVE_INFINITY)).toBe(true);
      return stored;
    });
    await runner.accept(assigned);
    await ended();

    expect(marked()).toBe('');
    expect(await finish()).toMatchObject({ outcome: 'lost' });
  });

  it('runs nothing of a job that was given away before its start was stored, though it had not looked since', async () => {
    await assign(script(`echo ran >> ${mark()}`));
    aroundTheStart(async (store) => {
      await isLost();
      return store();
    });
    for (let n = 0; n < 2; n += 1) await runner.accept(assigned);
    await ended();

    expect(marked()).toBe('');
    expect(await finish()).toMatchObject({ outcome: 'lost' });
  });

  it('begins a job late when the log does not say at once whether it still has its lease', async () => {
    await assign(script(`echo ran >> ${mark()}`));
    const { eventStore } = embedded.ports;
    const readStream = eventStore.readStream.bind(eventStore);
    let refused = 0;
    eventStore.readStream = async (stream, ...range) => {
      if (stream === runnerStream('one') && refused < 2) {
        refused += 1;
        expect(marked()).toBe('');
        throw new TransientError('the store is away');
      }
      return readStream(stream, ...range);
    };
    await runner.accept(assigned);
    await ended();

    expect({ refused, marked: marked() }).toEqual({ refused: 2, marked: 'ran\n' });
    expect(await finish()).toMatchObject({ outcome: 'success' });
  });

  it('lets a job wait that comes before it knows whether it holds its lease', async () => {
    await assign(script(`echo ran >> ${mark()}`));
    leases.all[0]!.expired(Number.POSITIVE_INFINITY);
    await expect(runner.accept(assigned)).rejects.toThrow(TransientError);
    await idle();

    expect(await typesOf()).toEqual([]);
  });
});
