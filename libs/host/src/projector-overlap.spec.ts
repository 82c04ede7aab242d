import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { JobQueued, type RecordedEvent } from '@foldline/contracts';
import { openEmbeddedEventStore, type EmbeddedEventStore } from '@foldline/event-store-embedded';
import {
  defineProjection,
  PermanentError,
  TransientError,
  when,
  type EventStore,
  type Logger,
  type ReadStore,
} from '@foldline/kernel';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { sampleEvents } from '@foldline/testing';
import { BACKLOG_EVENTS } from './projector-backlog.ts';
import { PROJECTION_NAME, Projector } from './projector.ts';
import { systemClock } from './system.ts';

type Follow = EventStore['follow'];
type Apply = ReadStore['apply'];
type Seen = { id: string; positions: number[] };

const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const STORED = 6 * BACKLOG_EVENTS;
/** What one reader may have in hand beside a full backlog and a batch that is being written. */
const HANDED_AT_ONCE = 250;

const seen = defineProjection<Seen>('seen', ({ id }) => ({ byId: id }), [
  when(
    JobQueued,
    (_data, event) => event.stream,
    (doc, event, id) => ({ id, positions: [...(doc?.positions ?? []), event.position] }),
  ),
]);

/** A port in which one method is another. */
const withMethod = <Port extends object, Name extends keyof Port>(port: Port, name: Name, method: Port[Name]): Port =>
  new Proxy(port, {
    get: (target, asked) => {
      if (asked === name) return method;
      const value: unknown = Reflect.get(target, asked);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

/** Lets everything happen that waits for nothing but its turn. */
const turns = async (): Promise<void> => {
  for (let n = 0; n < 100; n += 1) await new Promise((resolve) => setImmediate(resolve));
};
const until = async (holds: () => boolean): Promise<void> => {
  for (const end = performance.now() + 4000; !holds(); await new Promise((resolve) => setImmediate(resolve)))
    if (performance.now() > end) throw new Error('it did not come to that');
};

describe('a Projector reads the log while it writes', () => {
  let directory: string;
  let log: EmbeddedEventStore;
  let reads: ReadStore;
  let projector: Projector;
  /** Positions of what the reader was handed. */
  let handed: number[];
  let ends: string[];
  let last: number;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-projector-'));
    log = await openEmbeddedEventStore({ directory: join(directory, 'events'), now: systemClock.now });
    reads = await openEmbeddedReadStore({ directory: join(directory, 'reads') });
    [handed, ends] = [[], []];
    for (let n = 0; n < STORED; n += BACKLOG_EVENTS)
      last = (await log.append('pipeline-a', queued(BACKLOG_EVENTS), n - 1)).position;
  });
  afterEach(async () => {
    await projector.stop();
    await reads.close();
    await log.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const queued = (count: number) => sampleEvents(count).map((event) => ({ ...event, type: 'JobQueued' }));
  const follow: Follow = async (after, listener, signal, options) => {
    const take = async (events: readonly RecordedEvent[]): Promise<void> => {
      handed.push(...events.map(({ position }) => position));
      await listener(events);
    };
    await log.follow(after, take, signal, options).finally(() => ends.push(`behind ${after}`));
  };
  const start = async ({ apply = reads.apply.bind(reads), by = follow }: { apply?: Apply; by?: Follow }) => {
    const [store, into] = [withMethod<EventStore, 'follow'>(log, 'follow', by), withMethod(reads, 'apply', apply)];
    projector = new Projector(store, into, [seen], systemClock, silent);
    await projector.start();
  };
  /** Writes wait until they are let through. */
  const gated = () => {
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const writes: { expected: number | undefined; position: number }[] = [];
    const apply: Apply = async (projection, position, changes, expected) => {
      writes.push({ expected, position });
      await opened;
      return reads.apply(projection, position, changes, expected);
    };
    return { apply, open, writes };
  };

  it('as far as there is room for, and no further', async () => {
    const { apply, open, writes } = gated();
    await start({ apply });
    await until(() => handed.length >= 2 * BACKLOG_EVENTS);
    await turns();
    expect(writes).toHaveLength(1);
    expect(handed.length).toBeLessThanOrEqual(2 * (BACKLOG_EVENTS + HANDED_AT_ONCE));
    open();
    expect(await projector.reached(last, 9000)).toBe(true);
  });

  it('and writes every event once and in order', async () => {
    const { apply, open, writes } = gated();
    await start({ apply });
    open();
    expect(await projector.reached(last, 9000)).toBe(true);
    expect(await reads.get('seen', 'pipeline-a')).toEqual({ id: 'pipeline-a', positions: handed });
    expect(handed).toEqual(handed.toSorted((a, b) => a - b));
    expect(handed).toHaveLength(STORED);
    expect(writes.map(({ expected }) => expected)).toEqual([0, ...writes.map(({ position }) => position).slice(0, -1)]);
  });

  it('and no longer once a write has failed for good, although nothing more comes', async () => {
    await start({});
    await projector.reached(last, 9000);
    await projector.stop();
    await start({
      apply: async () => {
        throw new PermanentError('this cannot be written');
      },
    });
    await log.append('pipeline-a', queued(1), STORED - 1);
    await until(() => ends.length === 2);
    await expect(projector.reached(last + 1, 9000)).rejects.toThrow('this cannot be written');
  });

  it('and no longer once a write has failed for good while the reader waits for room', async () => {
    let fail: (error: Error) => void = () => undefined;
    await start({ apply: () => new Promise((_resolve, reject) => (fail = reject)) });
    await until(() => handed.length >= 2 * BACKLOG_EVENTS);
    await turns();
    fail(new PermanentError('this cannot be written'));
    await until(() => ends.length === 1);
    await turns();
    await expect(projector.reached(last, 9000)).rejects.toThrow('this cannot be written');
  });

  it('and after a write that failed for now goes on behind the last one that was made', async () => {
    let failures = 2;
    await start({
      apply: async (...change) => {
        if (handed.length > 2 * BACKLOG_EVENTS && failures-- > 0) throw new TransientError('away');
        return reads.apply(...change);
      },
    });
    expect(await projector.reached(last, 9000)).toBe(true);
    expect(failures).toBeLessThan(1);
    const { positions } = (await reads.get<Seen>('seen', 'pipeline-a'))!;
    expect(positions).toEqual([...new Set(handed)]);
  });

  it('and goes on behind the last event that came when the log is lost for now', async () => {
    const { apply, open } = gated();
    const after: number[] = [];
    let cut = true;
    await start({
      apply,
      by: async (position, listener, signal) => {
        after.push(position);
        const lost = new AbortController();
        const take = async (events: readonly RecordedEvent[]): Promise<void> => {
          if (handed.length >= BACKLOG_EVENTS + HANDED_AT_ONCE && cut) return lost.abort();
          handed.push(...events.map((event) => event.position));
          await listener(events);
        };
        await log.follow(position, take, AbortSignal.any([signal, lost.signal]));
        if (!lost.signal.aborted) return;
        cut = false;
        open();
        throw new TransientError('the log is away');
      },
    });
    expect(await projector.reached(last, 9000)).toBe(true);
    expect(after).toEqual([0, BACKLOG_EVENTS + HANDED_AT_ONCE]);
    expect(handed).toHaveLength(STORED);
    expect(await reads.get('seen', 'pipeline-a')).toEqual({ id: 'pipeline-a', positions: handed });
  });

  it('and has written what came before when it is stopped', async () => {
    const { apply, open } = gated();
    await start({ apply });
    await until(() => handed.length >= 2 * BACKLOG_EVENTS);
    const stopped = projector.stop();
    open();
    await stopped;
    expect(await reads.position(PROJECTION_NAME)).toBe(handed.at(-1));
  });
});
