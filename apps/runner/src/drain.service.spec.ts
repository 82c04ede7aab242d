import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  RUNNER_SIGNAL,
  RunnerDraining,
  RunnerRegistered,
  runnerStream,
  type NewEvent,
  type RunnerHello,
} from '@foldline/contracts';
import { TransientError } from '@foldline/kernel';
import {
  assign,
  assigned,
  closeBench,
  drainOf,
  embedded,
  endless,
  finish,
  leases,
  mark,
  marked,
  openBench,
  runner,
  running,
  script,
  signals,
  typesOf,
  until,
} from './execution/runner.fixture.ts';

/** The scheduler hears that the runner drains, and records it. */
const schedulerListens = (): (() => void) => {
  let told = false;
  return signals.listen(RUNNER_SIGNAL.hello, (message) => {
    const { runnerId, epoch, offer, draining } = message as RunnerHello;
    if (!draining || told) return;
    told = true;
    void append(RunnerRegistered({ runnerId, epoch, offer }), RunnerDraining({ runnerId, epoch }));
  });
};
const append = async (...events: NewEvent[]): Promise<void> => {
  const meta = { causationId: 'c', correlationId: 'one', actor: { kind: 'system', id: 'scheduler' } } as const;
  const prepared = events.map((event) => ({ ...event, ...meta, id: event.type }));
  await embedded.ports.eventStore.append(runnerStream('one'), prepared, -1);
};

describe('a runner that drains', () => {
  let stopListening: () => void;
  let forced: AbortController;
  beforeEach(async () => {
    await openBench();
    forced = new AbortController();
    stopListening = schedulerListens();
  });
  afterEach(async () => {
    stopListening();
    forced.abort();
    leases.beforeApplicationShutdown();
    await closeBench();
  });

  it('is done when the log says that it drains, if it runs nothing', async () => {
    await drainOf().drain(forced.signal);
    expect(leases.letsGo('one', leases.all[0]!.epoch)).toBe(true);
  });

  it('lets a job that it has begun go on to its own end', async () => {
    await assign(script(`echo running >> ${mark()}; until [ -e ${mark()}.go ]; do sleep 0.05; done`));
    await runner.accept(assigned);
    await running();
    let drained = false;
    const draining = drainOf()
      .drain(forced.signal)
      .then(() => (drained = true));
    await until(() => leases.letsGo('one', assigned.data.epoch));

    expect(drained).toBe(false);
    const scratchDirectory = embedded.ports.settings.dataDirectory;
    const site = await embedded.ports.executor.open({ attemptId: 'p9.0.1', workspace: '/', scratchDirectory });
    await site.start({
      commands: [`touch ${mark()}.go`],
      environment: {},
      onOutput: () => undefined,
    });
    await draining;
    expect(await finish()).toMatchObject({ outcome: 'success' });
  });

  it('is done at once when it is forced, and stopping ends the job then', async () => {
    await assign(endless());
    await runner.accept(assigned);
    await running();
    const draining = drainOf().drain(forced.signal);
    forced.abort();
    await draining;

    expect(await typesOf()).not.toContain('AttemptFinished');
    await runner.beforeApplicationShutdown();
    expect(await finish()).toMatchObject({ outcome: 'lost', reason: 'runner_lost' });
  });

  it('begins nothing more: a job waits until the log says who does it, and is let go then, however often it comes', async () => {
    stopListening();
    await assign(script(`echo ran >> ${mark()}`));
    const draining = drainOf().drain(forced.signal);
    await until(async () => (await runner.accept(assigned).catch((error: unknown) => error)) instanceof TransientError);
    const { runnerId, epoch } = assigned.data;
    const { offer } = embedded.ports.settings.runners[0]!;
    await append(RunnerRegistered({ runnerId, epoch: epoch!, offer }), RunnerDraining({ runnerId, epoch: epoch! }));
    await draining;
    for (let n = 0; n < 2; n += 1) await runner.accept(assigned);

    expect({ events: await typesOf(), marked: marked() }).toEqual({ events: [], marked: '' });
  });

  it('reports a start as lost that was stored although nobody heard of it, and runs nothing of it', async () => {
    await assign(script(`echo ran >> ${mark()}`));
    const { eventStore } = embedded.ports;
    const { append: store, readStream } = eventStore;
    let cut = false;
    eventStore.append = async (...call) => {
      const stored = await store.apply(eventStore, call);
      if (!call[0].startsWith('attempt-')) return stored;
      cut = true;
      throw new TransientError('the connection broke');
    };
    eventStore.readStream = async (...call) => {
      if (cut && call[0].startsWith('attempt-')) throw new TransientError('the store is away');
      return readStream.apply(eventStore, call);
    };
    await expect(runner.accept(assigned)).rejects.toThrow(TransientError);
    Object.assign(eventStore, { append: store, readStream });
    await drainOf().drain(forced.signal);
    for (let n = 0; n < 2; n += 1) await runner.accept(assigned);

    expect(marked()).toBe('');
    expect(await typesOf()).toEqual(['AttemptStarted', 'AttemptFinished']);
    expect(await finish()).toMatchObject({ outcome: 'lost', reason: 'runner_lost' });
  });
});
