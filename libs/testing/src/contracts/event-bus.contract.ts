import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '@foldline/contracts';
import {
  NO_STREAM,
  TransientError,
  type EventBus,
  type EventHandler,
  type EventStore,
  type SubscribeOptions,
} from '@foldline/kernel';
import type { EventBusFixture, EventBusOptions } from './event-bus-opening.ts';
import { Collected, gate, sampleEvent, sampleEvents } from './event-samples.ts';

/** What every event bus must do; runs against each adapter. */
export const eventBusContract = (name: string, openFixture: () => Promise<EventBusFixture>): void =>
  describe(`the event bus ${name}`, () => {
    const group = 'scheduler';
    let fixture: EventBusFixture;
    let store: EventStore;
    let bus: EventBus;
    let streams: number;

    beforeEach(async () => {
      fixture = await openFixture();
      store = fixture.store;
      bus = await fixture.open();
      streams = 0;
    });
    afterEach(async () => {
      await bus.close();
      await fixture.close();
    });

    /** Stores events of one order key in a new stream. */
    const publish = async (key: string, count = 1): Promise<RecordedEvent[]> =>
      (await store.append(`pipeline-${key}-${(streams += 1)}`, sampleEvents(count, key), NO_STREAM)).events;
    const restart = async (options?: EventBusOptions): Promise<void> => {
      await bus.close();
      bus = await fixture.open(options);
    };
    const collect = async (handle: EventHandler = async () => undefined, options: SubscribeOptions = {}) => {
      const seen = new Collected();
      await bus.subscribe(
        group,
        async (event) => {
          await handle(event);
          seen.add([event]);
        },
        options,
      );
      return seen;
    };
    const ids = (events: readonly RecordedEvent[]): string[] => events.map(({ id }) => id);
    const ofKey = (events: readonly RecordedEvent[], key: string): string[] =>
      ids(events.filter(({ correlationId }) => correlationId === key));
    const lastOf = (events: readonly RecordedEvent[]): number => events.at(-1)!.position;
    /** Resolves when the key is parked for the group. */
    const parked = async (key: string, last: RecordedEvent) => {
      await bus.handled(group, last.position);
      const found = (await bus.parked.list()).find((stream) => stream.key === key);
      expect(found).toBeDefined();
      return found!;
    };

    describe('delivering', () => {
      it('brings every event to every group', async () => {
        const early = await publish('a', 2);
        const seen = await collect();
        const others = new Collected();
        await bus.subscribe('deployer', async (event) => others.add([event]));
        const late = await publish('b', 2);
        expect(ids(await seen.until(4)).toSorted()).toEqual(ids([...early, ...late]).toSorted());
        expect(ids(await others.until(4)).toSorted()).toEqual(ids([...early, ...late]).toSorted());
      });

      it('keeps the order of each key, also over several streams', async () => {
        const published = { a: [] as string[], b: [] as string[] };
        for (let n = 0; n < 20; n += 1) {
          published.a.push(...ids(await publish('a', 2)));
          published.b.push(...ids(await publish('b')));
        }
        // Every handler takes another number of turns, so that order is not kept by chance.
        const seen = await collect(async (event) => {
          for (let turn = 0; turn < event.position % 5; turn += 1)
            await new Promise((resolve) => setImmediate(resolve));
        });
        await seen.until(60);
        expect(ofKey(seen.events, 'a')).toEqual(published.a);
        expect(ofKey(seen.events, 'b')).toEqual(published.b);
      });

      it('handles different keys side by side and those of one key never', async () => {
        const held = gate();
        const running: string[] = [];
        const both = gate();
        const seen = await collect(async (event) => {
          running.push(event.correlationId);
          if (running.includes('a') && running.includes('b')) both.open();
          await held.opened;
        });
        await publish('a', 3);
        await publish('b', 3);
        await both.opened;
        expect(running.toSorted()).toEqual(['a', 'b']);
        held.open();
        await seen.until(6);
      });

      it('runs no more handlers at once than the group asked for', async () => {
        let [running, most] = [0, 0];
        const handle = async (): Promise<void> => {
          running += 1;
          most = Math.max(most, running);
          await new Promise((resolve) => setImmediate(resolve));
          running -= 1;
        };
        for (let n = 0; n < 12; n += 1) await publish(`key-${n}`);
        await (await collect(handle, { concurrency: 3 })).until(12);
        expect(most).toBe(3);
      });

      it('gets through more events than it keeps in hand', async () => {
        for (let n = 0; n < 30; n += 1) await publish(`key-${n % 7}`, 100);
        const seen = await collect();
        await seen.until(3_000);
        expect(new Set(ids(seen.events)).size).toBe(3_000);
      });

      it('hands out only the types that the group knows, and counts the others as handled', async () => {
        const known = (await publish('a', 3))[0]!;
        const other = { ...sampleEvent('a'), type: 'JobForgotten' };
        const { position } = await store.append('pipeline-other', [other], NO_STREAM);
        const seen = await collect(undefined, { types: [known.type] });
        await bus.handled(group, position);
        expect(seen.events.map(({ type }) => type)).toEqual([known.type, known.type, known.type]);
      });

      it('keeps the order of each key, also where a stream holds events of several', async () => {
        const mixed = Array.from({ length: 40 }, (_, n) => sampleEvent(`key-${n % 5}`));
        const { position } = await store.append('group-mixed', mixed, NO_STREAM);
        const seen = await collect();
        await bus.handled(group, position);
        for (let n = 0; n < 5; n += 1)
          expect(ofKey(seen.events, `key-${n}`)).toEqual(mixed.filter((_, m) => m % 5 === n).map(({ id }) => id));
      });

      it('tells when everything up to a position is handled', async () => {
        const held = gate();
        const [first] = await publish('a');
        const [second] = await publish('b');
        const handled: string[] = [];
        const seen = await collect((event) => (event.id === first!.id ? held.opened : Promise.resolve()));
        const waiting = bus.handled(group, second!.position).then(() => handled.push('second'));
        await seen.until(1);
        expect(handled).toEqual([]);
        held.open();
        await waiting;
        expect(seen.events).toHaveLength(2);
        await bus.handled(group, first!.position);
      });

      it('stops telling when the signal aborts', async () => {
        await collect();
        const abort = new AbortController();
        const waiting = bus.handled(group, 1_000_000, abort.signal);
        abort.abort(new Error('enough'));
        await expect(waiting).rejects.toThrow('enough');
      });

      it('refuses a group that has subscribed already', async () => {
        await collect();
        await expect(collect()).rejects.toThrow();
      });
    });

    describe('checkpoints', () => {
      it('repeats nothing after a proper restart', async () => {
        const before = await publish('a', 5);
        await (await collect()).until(5);
        await bus.handled(group, lastOf(before));
        await restart();
        const seen = await collect();
        const after = await publish('a', 2);
        expect(ids(await seen.until(2))).toEqual(ids(after));
      });

      it('repeats what was not handled, and never skips it', async () => {
        const [first] = await publish('a');
        const rest = await publish('b', 3);
        const closed = gate();
        const others = gate();
        await bus.subscribe(group, async (event) => {
          if (event.id === first!.id) {
            await closed.opened;
            throw new TransientError('the process ends here');
          }
          if (event.id === rest.at(-1)!.id) others.open();
        });
        await others.opened;
        const closing = bus.close();
        closed.open();
        await closing;
        bus = await fixture.open();
        const seen = await collect();
        await bus.handled(group, lastOf(rest));
        expect(ids(seen.events)).toContain(first!.id);
      });

      it('lets running handlers finish when it closes, and begins no more', async () => {
        const held = gate();
        const started = gate();
        const finished: string[] = [];
        const events = await publish('a', 3);
        await bus.subscribe(group, async (event) => {
          started.open();
          await held.opened;
          finished.push(event.id);
        });
        await started.opened;
        const closing = bus.close();
        held.open();
        await closing;
        expect(finished).toEqual([events[0]!.id]);
        bus = await fixture.open();
        expect(ids(await (await collect()).until(2))).toEqual(ids(events.slice(1)));
      });
    });

    describe('failing handlers', () => {
      const failing = (keys: Set<string>, calls: string[] = []): EventHandler => {
        return async (event) => {
          calls.push(event.id);
          if (keys.has(event.correlationId)) throw new Error(`cannot handle ${event.correlationId}`);
        };
      };

      it('calls again after a transient failure, more often than after others', async () => {
        const calls: string[] = [];
        const events = await publish('a', 2);
        const seen = await collect(async (event) => {
          calls.push(event.id);
          if (calls.length < 7) throw new TransientError('not now');
        });
        await seen.until(2);
        expect(calls).toEqual([...Array.from({ length: 7 }, () => events[0]!.id), events[1]!.id]);
        expect(await bus.parked.list()).toEqual([]);
      });

      it('calls again after another failure', async () => {
        let calls = 0;
        await publish('a');
        const seen = await collect(async () => {
          calls += 1;
          if (calls < 3) throw new Error('once more');
        });
        await seen.until(1);
        expect(calls).toBe(3);
      });

      it('parks a key whose event keeps failing, with its later events behind it', async () => {
        const calls: string[] = [];
        const events = await publish('bad', 3);
        await collect(failing(new Set(['bad']), calls));
        await parked('bad', events[2]!);
        const late = await publish('bad');
        const { parkedAt, ...found } = await parked('bad', late[0]!);
        expect(found).toEqual({
          group,
          key: 'bad',
          position: events[0]!.position,
          eventId: events[0]!.id,
          eventType: 'JobQueued',
          stream: events[0]!.stream,
          error: 'cannot handle bad',
          attempts: 3,
          waiting: 3,
        });
        expect(Number.isNaN(Date.parse(parkedAt))).toBe(false);
        expect(calls).toEqual([events[0]!.id, events[0]!.id, events[0]!.id]);
      });

      it('lets other keys flow while one is parked', async () => {
        const [bad] = await publish('bad');
        const seen = await collect(failing(new Set(['bad'])));
        await parked('bad', bad!);
        const good = await publish('good', 3);
        expect(ids(await seen.until(3))).toEqual(ids(good));
      });

      it('keeps a key parked over a restart, without handing its events out', async () => {
        const events = await publish('bad', 2);
        await collect(failing(new Set(['bad'])));
        await parked('bad', events[1]!);
        await restart();
        const seen = await collect();
        const [late] = await publish('bad');
        expect(await parked('bad', late!)).toMatchObject({ position: events[0]!.position, waiting: 2 });
        expect(seen.events).toEqual([]);
      });

      it('replays a parked key in order and lets it flow again', async () => {
        const keys = new Set(['bad']);
        const events = await publish('bad', 3);
        const seen = await collect(failing(keys));
        await parked('bad', events[2]!);
        keys.clear();
        expect(await bus.parked.replay(group, 'bad')).toEqual({ replayed: 3, parked: false });
        expect(await bus.parked.list()).toEqual([]);
        const late = await publish('bad', 2);
        expect(ids(await seen.until(5))).toEqual(ids([...events, ...late]));
      });

      it('hands out what arrives during a replay behind what waited', async () => {
        const keys = new Set(['bad']);
        const events = await publish('bad', 2);
        let during: Promise<RecordedEvent[]> | undefined;
        const seen = await collect(async (event) => {
          await failing(keys)(event);
          during ??= publish('bad', 2);
          await during;
        });
        await parked('bad', events[1]!);
        keys.clear();
        expect(await bus.parked.replay(group, 'bad')).toMatchObject({ parked: false });
        await seen.until(4);
        expect(ids(seen.events)).toEqual(ids([...events, ...(await during!)]));
      });

      it('keeps parked what fails again', async () => {
        const events = await publish('bad', 3);
        let failAt = events[0]!.id;
        const seen = await collect(async (event) => {
          if (event.id === failAt) throw new Error(`not ${event.revision}`);
        });
        await parked('bad', events[2]!);
        failAt = events[1]!.id;
        expect(await bus.parked.replay(group, 'bad')).toEqual({ replayed: 1, parked: true });
        expect(await parked('bad', events[2]!)).toMatchObject({ eventId: events[1]!.id, error: 'not 1', waiting: 1 });
        expect(ids(seen.events)).toEqual([events[0]!.id]);
      });

      it('forgets the waiting events of a discarded key and hands out later ones', async () => {
        const keys = new Set(['bad']);
        const events = await publish('bad', 3);
        const seen = await collect(failing(keys));
        await parked('bad', events[2]!);
        expect(await bus.parked.discard(group, 'bad')).toEqual({ discarded: 3 });
        expect(await bus.parked.list()).toEqual([]);
        keys.clear();
        const late = await publish('bad');
        expect(ids(await seen.until(1))).toEqual(ids(late));
      });

      it('has nothing to replay or discard where nothing is parked', async () => {
        await collect();
        expect(await bus.parked.replay(group, 'a')).toEqual({ replayed: 0, parked: false });
        expect(await bus.parked.discard(group, 'a')).toEqual({ discarded: 0 });
      });
    });

    describe('faulty delivery', () => {
      it('hands each event out once when all arrive twice', async () => {
        await restart({ deliveries: (event) => [event, event] });
        const events = [...(await publish('a', 5)), ...(await publish('b', 5))];
        const seen = await collect();
        await bus.handled(group, lastOf(events));
        expect(ids(seen.events).toSorted()).toEqual(ids(events).toSorted());
      });

      it('reads what was lost from the store, in front of what came', async () => {
        const lost = new Set([1, 2, 4]);
        await restart({ deliveries: (event) => (lost.has(event.revision) ? [] : [event]) });
        const events = await publish('a', 6);
        const seen = await collect();
        await bus.handled(group, lastOf(events));
        expect(ids(seen.events)).toEqual(ids(events));
      });

      it('drops an event that arrives late, after it was read from the store', async () => {
        const held: RecordedEvent[] = [];
        await restart({
          deliveries: (event) => {
            if (event.revision !== 1) return [event, ...held.splice(0)];
            held.push(event);
            return [];
          },
        });
        const events = await publish('a', 4);
        const seen = await collect();
        await bus.handled(group, lastOf(events));
        expect(ids(seen.events)).toEqual(ids(events));
      });
    });

    it('takes no subscription when closed', async () => {
      await bus.close();
      await expect(bus.subscribe(group, async () => undefined)).rejects.toThrow();
      await store.append('pipeline-last', [sampleEvent()], NO_STREAM);
    });
  });
