import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { defineEvent, type EventsOf } from '@foldline/contracts';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import { storeWith } from '@foldline/testing';
import { z } from 'zod';
import type { Decider } from './decider.ts';
import { PermanentError, Refusal, TransientError, WrongExpectedRevision } from './errors.ts';
import type { Cause } from './decide-together.ts';
import { Commands } from './handle-command.ts';
import { logAbout, logFields } from './log-context.ts';
import type { Clock } from './ports/environment.ports.ts';
import { NO_STREAM, type EventStore } from './ports/event-store.port.ts';

const Counted = defineEvent('TestCounted', 1, z.object({ by: z.number().min(0), total: z.number() }));
type Event = EventsOf<{ Counted: typeof Counted }>;
type State = { total: number };
type Command = { type: 'Count'; by: number } | { type: 'CountUndeclared' } | { type: 'Double'; insist: boolean };

/** Every event carries the total, so an event decided from an old state gives itself away. */
const counter: Decider<State, Command, Event> = {
  initialState: () => ({ total: 0 }),
  evolve: (state, event) => {
    state.total += event.data.by;
    return state;
  },
  decide: (command, state) => {
    if (command.type === 'CountUndeclared')
      return [{ ...Counted({ by: 1, total: 1 }), type: 'TestUndeclared' } as unknown as Event];
    const by = command.type === 'Double' ? state.total : command.by;
    if (by === 0 && command.type === 'Double' && command.insist) throw new Refusal('nothing_yet', 'nothing to double');
    if (by === 0) return [];
    if (by === 13) throw new Refusal('unlucky', 'not this number');
    const event = Counted({ by, total: state.total + by });
    counter.evolve(state, event);
    return [event];
  },
};

const clock: Clock = {
  now: () => new Date().toISOString(),
  monotonic: () => performance.now(),
  sleep: (ms) => sleep(ms / 20),
};
const STREAM = 'environment-e1';
const cause = (id: string): Cause => ({ id, correlationId: 'p1', actor: { kind: 'system', id: 'test' } });
const count = (by: number): Command => ({ type: 'Count', by });

let directory: string;
let store: EventStore;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-commands-'));
  store = await openEmbeddedEventStore({ directory, now: clock.now });
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const process = (over: EventStore = store): Commands => new Commands(over, clock, 'deployer');
const stored = async (): Promise<Event['data'][]> =>
  (await store.readStream(STREAM)).map(({ data }) => data as Event['data']);

/** A store with other ways to append; everything else is the real one. */
const appending = (append: EventStore['append']): EventStore => storeWith(store, { append });

/** Fails some appends, half of these after they were stored. The numbers are the same in every run. */
const unreliable = (share: number, seed: number): EventStore => {
  let state = seed;
  const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
  return appending(async (...args) => {
    if (random() > share) return store.append(...args);
    if (random() < 0.5) await store.append(...args);
    throw new TransientError('the connection was lost');
  });
};

/** Hands the command in again, as a consumer does, until it is answered. */
const insist = async (commands: Commands, command: Command, because: Cause): Promise<void> => {
  for (;;) {
    try {
      await commands.handle(STREAM, counter, command, because);
      return;
    } catch (error) {
      if (!(error instanceof TransientError) && !(error instanceof WrongExpectedRevision)) throw error;
    }
  }
};

const expectEachCountedOnce = async (times: number): Promise<void> =>
  expect((await stored()).map(({ total }) => total)).toEqual(Array.from({ length: times }, (_, n) => n + 1));

describe('a command', () => {
  it('stores what was decided, with who asked and why', async () => {
    const { events, revision, position, state } = await process().handle(STREAM, counter, count(2), cause('c1'));
    expect(await store.readStream(STREAM)).toEqual(events);
    expect(events[0]).toMatchObject({
      type: 'TestCounted',
      version: 1,
      data: { by: 2, total: 2 },
      causationId: 'c1',
      correlationId: 'p1',
      actor: { kind: 'system', id: 'test' },
    });
    expect({ revision, position, state }).toEqual({ revision: 0, position: events[0]!.position, state: { total: 2 } });
  });

  it('stores nothing when nothing follows from it', async () => {
    const commands = process();
    const { position } = await commands.handle(STREAM, counter, count(1), cause('c1'));
    const handled = await commands.handle(STREAM, counter, count(0), cause('c2'));
    expect(handled).toEqual({ events: [], revision: 0, position, state: { total: 1 } });
  });

  it('is refused without a trace', async () => {
    const commands = process();
    await commands.handle(STREAM, counter, count(1), cause('c1'));
    await expect(commands.handle(STREAM, counter, count(13), cause('c2'))).rejects.toMatchObject({ code: 'unlucky' });
    await commands.handle(STREAM, counter, count(1), cause('c3'));
    expect(await stored()).toEqual([
      { by: 1, total: 1 },
      { by: 1, total: 2 },
    ]);
  });

  it('belongs to its stream when it names no correlation', async () => {
    const { events } = await process().handle(STREAM, counter, count(1), {
      id: 'c1',
      actor: { kind: 'user', id: 'u' },
    });
    expect(events[0]!.correlationId).toBe(STREAM);
  });
});

describe('commands that wait for a busy stream', () => {
  /** How many events each append brought. */
  let appends: number[];
  const counting = (): EventStore => {
    appends = [];
    return appending((stream, events, expected) => {
      appends.push(events.length);
      return store.append(stream, events, expected);
    });
  };
  const all = (commands: Commands, ...given: Command[]) =>
    Promise.allSettled(given.map((command, n) => commands.handle(STREAM, counter, command, cause(`c${n}`))));

  it('are stored together, each decided on what the one before it decided', async () => {
    const handled = await all(process(counting()), count(1), count(2), { type: 'Double', insist: true }, count(4));
    expect(appends).toEqual([1, 3]);
    expect((await stored()).map(({ total }) => total)).toEqual([1, 3, 6, 10]);
    const events = await store.readStream(STREAM);
    expect(handled).toMatchObject(
      events.map((event, n) => ({
        status: 'fulfilled',
        value: { events: [event], revision: n, position: event.position },
      })),
    );
    expect(events.map(({ causationId }) => causationId)).toEqual(['c0', 'c1', 'c2', 'c3']);
  });

  it('do not suffer for one among them that is refused, and are decided without it', async () => {
    const handled = await all(process(counting()), count(1), count(2), count(13), count(3), count(0), count(4));
    expect(handled.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
      'fulfilled',
    ]);
    expect(appends).toEqual([1, 1, 2]);
    expect((await stored()).map(({ total }) => total)).toEqual([1, 3, 6, 10]);
  });

  it('do not suffer for one among them that cannot be stored', async () => {
    const picky = appending(async (stream, events, expected) => {
      if (events.some(({ data }) => (data as { by: number }).by === 7)) throw new PermanentError('too large');
      return store.append(stream, events, expected);
    });
    const handled = await all(process(picky), count(1), count(2), count(7), count(3));
    expect(handled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect((await stored()).map(({ total }) => total)).toEqual([1, 3, 6]);
  });

  it('go by what another process has stored meanwhile, all of them', async () => {
    const [mine, other] = [process(counting()), process()];
    await mine.stateOf(STREAM, counter);
    await other.handle(STREAM, counter, count(5), cause('other'));
    const handled = await all(mine, count(1), { type: 'Double', insist: false }, count(0));
    expect(handled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect((await stored()).map(({ total }) => total)).toEqual([5, 6, 12]);
  });

  it('come in appends of bounded size', async () => {
    await all(process(counting()), ...Array.from({ length: 200 }, () => count(1)));
    await expectEachCountedOnce(200);
    expect(appends).toEqual([1, 64, 64, 64, 7]);
  });

  it('and looks at the state keep their order', async () => {
    const commands = process(counting());
    const looks = [1, 2, 3].map(async (n) => {
      void commands.handle(STREAM, counter, count(1), cause(`c${n}`));
      return { ...(await commands.stateOf(STREAM, counter)) };
    });
    expect(await Promise.all(looks)).toEqual([{ total: 1 }, { total: 2 }, { total: 3 }]);
  });
});

describe('a cause', () => {
  it('acts once, also when it comes twice at the same time', async () => {
    const commands = process();
    await Promise.all([1, 2, 3].map(() => commands.handle(STREAM, counter, count(1), cause('c1'))));
    await expectEachCountedOnce(1);
  });

  it('acts once, also after a restart', async () => {
    const first = await process().handle(STREAM, counter, count(1), cause('c1'));
    const again = await process().handle(STREAM, counter, count(1), cause('c1'));
    expect(again).toEqual({ ...first, events: [] });
  });

  it('is told from another cause of the same command', async () => {
    const commands = process();
    await commands.handle(STREAM, counter, count(1), cause('c1'));
    await commands.handle(STREAM, counter, count(1), cause('c2'));
    await expectEachCountedOnce(2);
  });
});

describe('two processes that write one stream', () => {
  it('decide again from what the other one stored', async () => {
    const [one, two] = [process(), process()];
    const causes = Array.from({ length: 30 }, (_, n) => n);
    await Promise.all(
      causes.flatMap((n) => [insist(one, count(1), cause(`a${n}`)), insist(two, count(1), cause(`b${n}`))]),
    );
    await expectEachCountedOnce(60);
  });

  it.each([
    ['comes to nothing', false],
    ['is refused', true],
  ])('look at what the other one stored before a command %s', async (_title, insist) => {
    const [first, second] = [process(), process()];
    await first.stateOf(STREAM, counter);
    await second.handle(STREAM, counter, count(2), cause('c1'));
    await first.handle(STREAM, counter, { type: 'Double', insist }, cause('c2'));
    expect(await stored()).toEqual([
      { by: 2, total: 2 },
      { by: 2, total: 4 },
    ]);
  });

  it('count a cause once that reaches both', async () => {
    const both = [process(), process()];
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => both.map((commands) => insist(commands, count(1), cause(`c${n}`)))).flat(),
    );
    await expectEachCountedOnce(20);
  });
});

describe('an append of unknown outcome', () => {
  it.each([1, 2, 3])('is never stored twice and never lost (run %i)', async (seed) => {
    const commands = process(unreliable(0.5, seed));
    for (let n = 0; n < 60; n += 1) await insist(commands, count(1), cause(`c${n}`));
    await expectEachCountedOnce(60);
  });

  it('is never stored twice while another process writes too', async () => {
    const [one, two] = [process(unreliable(0.4, 7)), process(unreliable(0.4, 8))];
    const causes = Array.from({ length: 20 }, (_, n) => n);
    await Promise.all(
      causes.flatMap((n) => [insist(one, count(1), cause(`a${n}`)), insist(two, count(1), cause(`b${n}`))]),
    );
    await expectEachCountedOnce(40);
  });

  it('is found by its ids where the store itself does not recognise a repeated append', async () => {
    let tries = 0;
    const forgetful = appending(async (stream, events, expected) => {
      tries += 1;
      if (tries > 1) throw new WrongExpectedRevision(stream, expected, 0);
      await store.append(stream, events, expected);
      throw new TransientError('the connection was lost');
    });
    const { events } = await process(forgetful).handle(STREAM, counter, count(1), cause('c1'));
    expect(events).toEqual(await store.readStream(STREAM));
    expect(tries).toBe(2);
  });

  it('is given up after some tries, and the state is folded anew', async () => {
    let down = true;
    const commands = process(
      appending((...args) => (down ? Promise.reject(new TransientError('down')) : store.append(...args))),
    );
    await expect(commands.handle(STREAM, counter, count(1), cause('c1'))).rejects.toThrow(TransientError);
    down = false;
    await commands.handle(STREAM, counter, count(1), cause('c2'));
    await expectEachCountedOnce(1);
  });
});

describe('the state of a stream', () => {
  it('is as new as an event that one has heard of from another process', async () => {
    const [mine, other] = [process(), process()];
    await mine.handle(STREAM, counter, count(1), cause('c1'));
    await other.handle(STREAM, counter, count(2), cause('c2'));
    expect(await mine.stateOf(STREAM, counter)).toEqual({ total: 1 });
    expect(await mine.stateOf(STREAM, counter, 1)).toEqual({ total: 3 });
    await mine.handle(STREAM, counter, count(4), cause('c3'));
    expect((await stored()).map(({ total }) => total)).toEqual([1, 3, 7]);
  });
});

describe('what must not be stored', () => {
  it('is a stream of another service', async () => {
    const foreign = process().handle('artifact-a1', counter, count(1), cause('c1'));
    await expect(foreign).rejects.toThrow(PermanentError);
    await expect(process().handle('nonsense-1' as 'log-1', counter, count(1), cause('c1'))).rejects.toThrow();
    expect(await store.lastPosition()).toBe(0);
  });

  it('is an event of the wrong shape, and the state does not remember it', async () => {
    const commands = process();
    await commands.handle(STREAM, counter, count(5), cause('c1'));
    await expect(commands.handle(STREAM, counter, count(-1), cause('c2'))).rejects.toThrow(PermanentError);
    expect(await commands.stateOf(STREAM, counter)).toEqual({ total: 5 });
    expect(await stored()).toHaveLength(1);
  });

  it('is an event that nobody declared', async () => {
    const undeclared = process().handle(STREAM, counter, { type: 'CountUndeclared' }, cause('c1'));
    await expect(undeclared).rejects.toThrow(PermanentError);
    expect(await store.lastPosition()).toBe(0);
  });
});

describe('a stream with an event that this release does not know', () => {
  it('is not decided on', async () => {
    const unknown = {
      ...Counted({ by: 1, total: 1 }),
      type: 'FromTheFuture',
      id: '6f1c1d0a-0000-5000-8000-000000000001',
    };
    const envelope = { causationId: 'c', correlationId: 'p1', actor: { kind: 'system' as const, id: 'test' } };
    await store.append(STREAM, [{ ...unknown, ...envelope }], NO_STREAM);
    await expect(process().handle(STREAM, counter, count(1), cause('c1'))).rejects.toThrow('FromTheFuture');
    await expect(process().stateOf(STREAM, counter)).rejects.toThrow(PermanentError);
    expect(await store.readStream(STREAM)).toHaveLength(1);
  });
});

describe('whoever is told of what commands store', () => {
  it('hears of each on behalf of whoever gave it, also of those that were stored together', async () => {
    const heard: unknown[] = [];
    const commands = new Commands(store, clock, 'deployer', (events, givenAt) =>
      heard.push([logFields().eventId, events.map(({ causationId }) => causationId), Date.now() - givenAt < 60_000]),
    );
    const because = ['c1', 'c2', 'c3', 'c4'];
    const handled = await Promise.all(
      because.map((id) => logAbout({ eventId: id }, () => commands.handle(STREAM, counter, count(1), cause(id)))),
    );
    expect(heard).toEqual(because.map((id) => [id, [id], true]));
    expect(new Set(handled.map(({ position }) => position)).size).toBe(4);
  });

  it('hears nothing of what was stored before, or came to nothing', async () => {
    const heard: unknown[] = [];
    const commands = new Commands(store, clock, 'deployer', (events) => heard.push(...events));
    await commands.handle(STREAM, counter, count(1), cause('c1'));
    await commands.handle(STREAM, counter, count(1), cause('c1'));
    await commands.handle(STREAM, counter, count(0), cause('c2'));
    expect(heard).toHaveLength(1);
  });
});
