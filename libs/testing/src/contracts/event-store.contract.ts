import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '@foldline/contracts';
import {
  NO_STREAM,
  PermanentError,
  WrongExpectedRevision,
  type EventStore,
  type FollowOptions,
} from '@foldline/kernel';
import { Collected, gate, sampleEvent, sampleEvents } from './event-samples.ts';

export type EventStoreFixture = {
  store: EventStore;
  /** The same log after its process has ended; `close` closes this one then. */
  reopen(): Promise<EventStore>;
  close(): Promise<void>;
};

/** What every event store must do; runs against each adapter. */
export const eventStoreContract = (name: string, open: () => Promise<EventStoreFixture>): void =>
  describe(`the event store ${name}`, () => {
    const stream = 'pipeline-one';
    let fixture: EventStoreFixture;
    let store: EventStore;
    let abort: AbortController;

    beforeEach(async () => {
      fixture = await open();
      store = fixture.store;
      abort = new AbortController();
    });
    afterEach(async () => {
      abort.abort();
      await fixture.close();
    });

    const ids = (events: readonly { id: string }[]): string[] => events.map(({ id }) => id);
    const fill = async (count: number, to = stream): Promise<RecordedEvent[]> =>
      (await store.append(to, sampleEvents(count), NO_STREAM)).events;
    const refusal = async (promise: Promise<unknown>): Promise<unknown> =>
      promise.then(
        () => 'accepted',
        (error: unknown) => error,
      );

    describe('appending', () => {
      it('starts empty', async () => {
        expect(await store.readStream(stream)).toEqual([]);
        expect(await store.readAll({ after: 0, limit: 10 })).toEqual([]);
        expect(await store.lastPosition()).toBe(0);
      });

      it('gives back each event as it was written, with its place and time', async () => {
        const event = sampleEvent();
        const appended = await store.append(stream, [event], NO_STREAM);
        const [read] = await store.readStream(stream);
        expect(read).toEqual({
          ...event,
          stream,
          revision: 0,
          position: appended.position,
          recordedAt: expect.any(String),
        });
        expect(read?.recordedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        expect(appended).toEqual({ revision: 0, position: read?.position, events: [read] });
      });

      it('numbers the events of a stream from 0 without gaps', async () => {
        await store.append(stream, sampleEvents(2), NO_STREAM);
        const appended = await store.append(stream, sampleEvents(3), 1);
        expect(appended.revision).toBe(4);
        expect((await store.readStream(stream)).map(({ revision }) => revision)).toEqual([0, 1, 2, 3, 4]);
      });

      it.each([
        ['a new stream as existing', 0, 0, -1],
        ['an existing stream as new', 2, NO_STREAM, 1],
        ['a revision that has passed', 3, 1, 2],
        ['a revision that is yet to come', 2, 5, 1],
      ])('refuses %s, says where the stream is and stores nothing', async (_case, stored, expected, actual) => {
        if (stored > 0) await fill(stored);
        const error = await refusal(store.append(stream, sampleEvents(2), expected));
        expect(error).toBeInstanceOf(WrongExpectedRevision);
        expect(error).toMatchObject({ stream, expected, actual });
        expect(await store.readStream(stream)).toHaveLength(stored);
      });

      it('answers a repeated append as the first time and stores nothing', async () => {
        await fill(1);
        const events = sampleEvents(2);
        const first = await store.append(stream, events, 0);
        await store.append(stream, sampleEvents(1), 2);
        expect(await store.append(stream, events, 0)).toEqual(first);
        expect(await store.readStream(stream)).toHaveLength(4);
      });

      it('answers a repeated append after a restart', async () => {
        const events = sampleEvents(2);
        const first = await store.append(stream, events, NO_STREAM);
        store = await fixture.reopen();
        expect(await store.append(stream, events, NO_STREAM)).toEqual(first);
      });

      it('answers the same append made twice at once', async () => {
        const events = sampleEvents(2);
        const [one, two] = await Promise.all([store.append(stream, events, -1), store.append(stream, events, -1)]);
        expect(two).toEqual(one);
        expect(await store.readStream(stream)).toHaveLength(2);
      });

      it('refuses an append of which only a part was stored before', async () => {
        const events = sampleEvents(2);
        await store.append(stream, events, NO_STREAM);
        const longer = store.append(stream, [...events, sampleEvent()], NO_STREAM);
        expect(await refusal(longer)).toMatchObject({ name: 'WrongExpectedRevision', actual: 1 });
        const changed = store.append(stream, [events[0]!, sampleEvent()], NO_STREAM);
        expect(await refusal(changed)).toMatchObject({ name: 'WrongExpectedRevision', actual: 1 });
        expect(await store.readStream(stream)).toHaveLength(2);
      });

      it('refuses an event of more than 1 MiB', async () => {
        const huge = { ...sampleEvent(), data: { text: 'ü'.repeat(600_000) } };
        expect(await refusal(store.append(stream, [sampleEvent(), huge], NO_STREAM))).toBeInstanceOf(PermanentError);
        expect(await store.readStream(stream)).toEqual([]);
      });

      it('stores an event of nearly 1 MiB', async () => {
        const large = { ...sampleEvent(), data: { text: 'x'.repeat(1_000_000) } };
        await store.append(stream, [large], NO_STREAM);
        expect((await store.readStream(stream))[0]?.data).toEqual(large.data);
      });

      it('lets exactly one of twenty appenders win each revision', async () => {
        const winners: number[] = [];
        const append = async (): Promise<void> => {
          for (let revision = NO_STREAM; revision < 9;) {
            try {
              winners.push((await store.append(stream, [sampleEvent()], revision)).revision);
              revision += 1;
            } catch (error) {
              if (!(error instanceof WrongExpectedRevision)) throw error;
              revision = error.actual;
            }
          }
        };
        await Promise.all(Array.from({ length: 20 }, append));
        const stored = await store.readStream(stream);
        expect(stored.length).toBeGreaterThanOrEqual(10);
        expect(winners.toSorted((a, b) => a - b)).toEqual(stored.map(({ revision }) => revision));
      });

      it('stores what others append beside a refused append', async () => {
        await fill(1);
        const all = await Promise.allSettled([
          store.append('pipeline-two', sampleEvents(1), NO_STREAM),
          store.append(stream, sampleEvents(1), 7),
          store.append('pipeline-three', sampleEvents(1), NO_STREAM),
        ]);
        expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
        expect(await store.readStream('pipeline-three')).toHaveLength(1);
      });
    });

    describe('reading', () => {
      it('reads a stream from a revision on and up to a limit', async () => {
        const events = await fill(6);
        await fill(3, 'pipeline-two');
        expect(await store.readStream(stream, 2, 3)).toEqual(events.slice(2, 5));
        expect(await store.readStream(stream, 4)).toEqual(events.slice(4));
        expect(await store.readStream(stream, 6)).toEqual([]);
      });

      it('reads everything in the order of positions, behind a position', async () => {
        const events = [...(await fill(3)), ...(await fill(3, 'job-two')), ...(await fill(1, 'pipeline-three'))];
        expect(await store.readAll({ after: 0, limit: 100 })).toEqual(events);
        expect(await store.readAll({ after: events[1]!.position, limit: 3 })).toEqual(events.slice(2, 5));
        expect(await store.lastPosition()).toBe(events.at(-1)?.position);
      });

      it('reads only some categories', async () => {
        for (let n = 0; n < 4; n += 1) {
          await fill(2, `pipeline-${n}`);
          await fill(1, `attempt-${n}`);
          await fill(1, `pipelines-${n}`);
        }
        const some = await store.readAll({ after: 0, limit: 5, categories: ['attempt', 'pipeline'] });
        expect(some.map((event) => event.stream)).toEqual([
          'pipeline-0',
          'pipeline-0',
          'attempt-0',
          'pipeline-1',
          'pipeline-1',
        ]);
        const rest = await store.readAll({ after: some[4]!.position, limit: 3, categories: ['attempt'] });
        expect(rest.map((event) => event.stream)).toEqual(['attempt-1', 'attempt-2', 'attempt-3']);
        expect(await store.readAll({ after: 0, limit: 5, categories: [] })).toEqual([]);
      });

      it('has everything after a restart, and goes on behind it', async () => {
        const events = await fill(3);
        store = await fixture.reopen();
        expect(await store.readStream(stream)).toEqual(events);
        const next = await store.append(stream, [sampleEvent()], 2);
        expect(next.position).toBeGreaterThan(events[2]!.position);
      });
    });

    describe('following', () => {
      type Slow = (events: readonly RecordedEvent[]) => Promise<void>;
      const follow = (after: number, slow?: Slow, options?: FollowOptions) => {
        const seen = new Collected();
        const ended = store.follow(
          after,
          async (events) => {
            await slow?.(events);
            seen.add(events);
          },
          abort.signal,
          options,
        );
        return { seen, ended };
      };

      it('delivers what is stored, then what comes', async () => {
        const stored = await fill(3);
        const { seen } = follow(0);
        await seen.until(3);
        const live = await store.append(stream, sampleEvents(2), 2);
        expect(await seen.until(5)).toEqual([...stored, ...live.events]);
      });

      it('begins behind the given position', async () => {
        const stored = await fill(5);
        const { seen } = follow(stored[1]!.position);
        expect(await seen.until(3)).toEqual(stored.slice(2));
      });

      it('neither skips nor repeats an event where stored ones end and live ones begin', async () => {
        const { seen } = follow(0);
        const appender = async (_: unknown, n: number): Promise<void> => {
          for (let revision = -1; revision < 49; revision += 1) {
            await store.append(`pipeline-${n}`, [sampleEvent()], revision);
          }
        };
        const appending = Promise.all(Array.from({ length: 20 }, appender));
        const late = seen.when(() => seen.events.length > 100).then(() => follow(0));
        await appending;
        const all = await store.readAll({ after: 0, limit: 2_000 });
        expect(all).toHaveLength(1_000);
        expect(ids(await seen.until(1_000))).toEqual(ids(all));
        expect(ids(await (await late).seen.until(1_000))).toEqual(ids(all));
      });

      it('never finds a new event at or below a position it has seen', async () => {
        const { seen } = follow(0);
        await Promise.all(Array.from({ length: 100 }, (_, n) => fill(2, `pipeline-${n}`)));
        const positions = (await seen.until(200)).map(({ position }) => position);
        expect(positions).toEqual([...new Set(positions)].toSorted((a, b) => a - b));
      });

      it('shows the events of one append together', async () => {
        const { seen } = follow(0);
        const together: boolean[] = [];
        void seen.when(() => {
          if (seen.events.length > 0) together.push(seen.events.length === 5);
          return false;
        });
        await store.append(stream, sampleEvents(5), NO_STREAM);
        await seen.until(5);
        expect(together).toEqual([true]);
      });

      it('waits for a slow listener, loses nothing and lets others pass', async () => {
        const held = gate();
        let calls = 0;
        const slow = follow(0, async () => {
          calls += 1;
          await held.opened;
        });
        const quick = follow(0);
        await Promise.all(Array.from({ length: 30 }, (_, n) => fill(100, `pipeline-${n}`)));
        await quick.seen.until(3_000);
        expect(calls).toBe(1);
        held.open();
        expect(ids(await slow.seen.until(3_000))).toEqual(ids(quick.seen.events));
      });

      it('delivers only the categories asked for, stored and live, and never an empty batch', async () => {
        const batches: number[] = [];
        const count = async (events: readonly RecordedEvent[]): Promise<void> => void batches.push(events.length);
        const fillAll = async (n: number): Promise<RecordedEvent[]> => {
          const wanted = [...(await fill(2, `attempt-${n}`))];
          await fill(3, `pipelines-${n}`);
          wanted.push(...(await fill(1, `pipeline-${n}`)));
          await fill(1, `attempts-${n}`);
          return wanted;
        };
        const stored = await fillAll(1);
        const { seen } = follow(stored[0]!.position, count, { categories: ['pipeline', 'attempt'] });
        await seen.until(2);
        const live = [...(await fillAll(2)), ...(await fillAll(3))];
        expect(await seen.until(8)).toEqual([...stored.slice(1), ...live]);
        expect(batches).not.toContain(0);
      });

      it('finds the events of a rare category behind many others', async () => {
        for (let n = 0; n < 6; n += 1) await fill(200, `job-${n}`);
        const rare = await fill(1, 'attempt-one');
        const { seen } = follow(0, undefined, { categories: ['attempt'] });
        await seen.until(1);
        await fill(200, 'job-six');
        const next = await fill(2, 'attempt-two');
        expect(await seen.until(3)).toEqual([...rare, ...next]);
      });

      it('delivers nothing when no category is asked for, and still ends', async () => {
        const { seen, ended } = follow(0, undefined, { categories: [] });
        const witness = follow(0);
        await fill(2);
        await witness.seen.until(2);
        abort.abort();
        await ended;
        expect(seen.events).toEqual([]);
      });

      it('waits for a slow listener of some categories as well', async () => {
        const held = gate();
        let calls = 0;
        const wait = async (): Promise<void> => {
          calls += 1;
          await held.opened;
        };
        const slow = follow(0, wait, { categories: ['attempt'] });
        const quick = follow(0);
        for (let n = 0; n < 20; n += 1) {
          await fill(60, `attempt-${n}`);
          await fill(60, `pipeline-${n}`);
        }
        await quick.seen.until(2_400);
        expect(calls).toBe(1);
        held.open();
        const expected = quick.seen.events.filter((event) => event.stream.startsWith('attempt-'));
        expect(ids(await slow.seen.until(1_200))).toEqual(ids(expected));
      });

      it('ends when the signal aborts', async () => {
        const { seen, ended } = follow(0);
        await fill(1);
        await seen.until(1);
        abort.abort();
        await ended;
        await fill(1, 'pipeline-two');
        expect(seen.events).toHaveLength(1);
      });

      it('ends at once when the signal has aborted before', async () => {
        await fill(1);
        abort.abort();
        const { seen, ended } = follow(0);
        await ended;
        expect(seen.events).toEqual([]);
      });

      it('fails when its listener fails', async () => {
        await fill(1);
        const failed = store.follow(0, () => Promise.reject(new Error('no room')), abort.signal);
        await expect(failed).rejects.toThrow('no room');
      });
    });

    describe('closing', () => {
      it('answers the appends made before', async () => {
        const appending = Promise.all(Array.from({ length: 50 }, (_, n) => fill(1, `pipeline-${n}`)));
        store = await fixture.reopen();
        await appending;
        expect(await store.readAll({ after: 0, limit: 100 })).toHaveLength(50);
      });

      it('accepts nothing afterwards', async () => {
        await store.close();
        await expect(store.append(stream, sampleEvents(1), NO_STREAM)).rejects.toThrow();
        await expect(store.readStream(stream)).rejects.toThrow();
      });
    });
  });
