import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { JobAssigned, JobQueued } from '@foldline/contracts';
import { openEmbeddedEventStore, type EmbeddedEventStore } from '@foldline/event-store-embedded';
import {
  defineProjection,
  TransientError,
  when,
  whenChanged,
  type Logger,
  type Projection,
  type ReadStore,
} from '@foldline/kernel';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { sampleEvents } from '@foldline/testing';
import { ProjectionWriter } from './projection-writer.ts';
import { PROJECTION_NAME, Projector } from './projector.ts';
import { systemClock } from './system.ts';

type Count = { id: string; queued: number };
const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

const counts = defineProjection<Count>('counts', ({ id }) => ({ byId: id }), [
  when(
    JobQueued,
    (_data, event) => event.stream,
    (doc, _event, id) => ({ id, queued: (doc?.queued ?? 0) + 1 }),
  ),
]);
const broken = defineProjection<Count>('broken', () => ({}), [
  when(
    JobAssigned,
    () => 'x',
    (): Count => {
      throw new Error('this projection is wrong');
    },
  ),
]);

describe('Projector', () => {
  let directory: string;
  let store: EmbeddedEventStore;
  let reads: ReadStore;
  let projector: Projector;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-projector-'));
    store = await openEmbeddedEventStore({ directory: join(directory, 'events'), now: systemClock.now });
    reads = await openEmbeddedReadStore({ directory: join(directory, 'reads') });
  });
  afterEach(async () => {
    await projector.stop();
    await reads.close();
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const start = async (...projections: Projection[]): Promise<void> => {
    projector = new Projector(store, reads, projections, systemClock, silent);
    await projector.start();
  };
  const append = async (stream: string, expected: number, type: string, count = 1): Promise<number> => {
    const events = sampleEvents(count).map((event) => ({ ...event, type }));
    return (await store.append(stream, events, expected)).position;
  };

  it('shows an event as soon as somebody waits for its position', async () => {
    await start(counts);
    const position = await append('pipeline-a', -1, 'JobQueued', 3);
    expect(await projector.reached(position, 5000)).toBe(true);
    expect(await reads.get('counts', 'pipeline-a')).toEqual({ id: 'pipeline-a', queued: 3 });
    expect(projector.position()).toBe(position);
  });

  it('makes the same of changes that follow from others, however many events come at once', async () => {
    const totals = defineProjection<{ id: string; queued: number; seen: string }>(
      'totals',
      () => ({}),
      [],
      [
        whenChanged<{ id: string; queued: number; seen: string }, { id: string; queued: number }>(
          'counts',
          () => ['all'],
          (doc, { before, after, event }) => ({
            id: 'all',
            queued: (doc?.queued ?? 0) + after!.queued - (before?.queued ?? 0),
            seen: `${doc?.seen ?? ''}${event.stream}:${after!.queued} `,
          }),
        ),
      ],
    );
    await start(totals, counts);
    await projector.reached(await append('pipeline-a', -1, 'JobQueued', 2), 5000);
    const position = await append('pipeline-b', -1, 'JobQueued');
    await projector.reached(position, 5000);
    const bySingles = new ProjectionWriter('singles', reads, [totals, counts]);
    const shown = await reads.get('totals', 'all');
    expect(shown).toEqual({ id: 'all', queued: 3, seen: 'pipeline-a:1 pipeline-a:2 pipeline-b:1 ' });
    await reads.reset('singles', ['counts', 'totals']);
    for (const event of await store.readAll({ after: 0, limit: 10 })) await bySingles.apply([event]);
    expect(await reads.get('totals', 'all')).toEqual(shown);
  });

  it('says so when a position is not reached in time', async () => {
    await start(counts);
    expect(await projector.reached(1000, 20)).toBe(false);
  });

  it('goes on after a restart where it was, and counts nothing twice', async () => {
    await start(counts);
    await projector.reached(await append('pipeline-a', -1, 'JobQueued'), 5000);
    await projector.stop();
    const position = await append('pipeline-a', 0, 'JobQueued', 2);
    await start(counts);
    expect(await projector.reached(position, 5000)).toBe(true);
    expect(await reads.get('counts', 'pipeline-a')).toEqual({ id: 'pipeline-a', queued: 3 });
    expect(await reads.position(PROJECTION_NAME)).toBe(position);
  });

  it('is safe when another projects into the same read store', async () => {
    await start(counts);
    const other = new Projector(store, reads, [counts], systemClock, silent);
    await other.start();
    const last = await Promise.all(['a', 'b', 'c'].map((name) => append(`pipeline-${name}`, -1, 'JobQueued', 40)));
    const position = Math.max(...last, await append('pipeline-a', 39, 'JobQueued', 40));
    expect(await Promise.all([projector.reached(position, 9000), other.reached(position, 9000)])).toEqual([true, true]);
    await other.stop();
    expect(await reads.get('counts', 'pipeline-a')).toEqual({ id: 'pipeline-a', queued: 80 });
    expect(await reads.get('counts', 'pipeline-c')).toEqual({ id: 'pipeline-c', queued: 40 });
  });

  it('fills a read store from the log that lost its memory', async () => {
    await start(counts);
    await projector.reached(await append('pipeline-a', -1, 'JobQueued', 3), 5000);
    await reads.reset(PROJECTION_NAME, ['counts']);
    const position = await append('pipeline-a', 2, 'JobQueued');
    expect(await projector.reached(position, 9000)).toBe(true);
    expect(await reads.get('counts', 'pipeline-a')).toEqual({ id: 'pipeline-a', queued: 4 });
  });

  it('fills it also when nothing happens that it could write', async () => {
    await start(counts);
    const position = await append('pipeline-a', -1, 'JobQueued', 3);
    await projector.reached(position, 5000);
    await reads.reset(PROJECTION_NAME, ['counts']);
    while ((await reads.position(PROJECTION_NAME)) < position) await systemClock.sleep(20);
    expect(await reads.get('counts', 'pipeline-a')).toEqual({ id: 'pipeline-a', queued: 3 });
  });

  it('goes on when the read store can be reached again', async () => {
    let down = false;
    const flaky = new Proxy(reads, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return async (...args: unknown[]): Promise<unknown> => {
          if (down) throw new TransientError('away');
          return Reflect.apply(value, target, args);
        };
      },
    });
    projector = new Projector(store, flaky, [counts], systemClock, silent);
    await projector.start();
    down = true;
    const position = await append('pipeline-a', -1, 'JobQueued', 3);
    expect(await projector.reached(position, 50)).toBe(false);
    down = false;
    expect(await projector.reached(position, 9000)).toBe(true);
    expect(await reads.get('counts', 'pipeline-a')).toEqual({ id: 'pipeline-a', queued: 3 });
  });

  it('stops at a projection that fails and answers nobody as if it were current', async () => {
    await start(counts, broken);
    const position = await append('pipeline-a', -1, 'JobAssigned');
    await expect(
      (async () => {
        while (await projector.reached(position, 100).then((reached) => !reached));
      })(),
    ).rejects.toThrow('this projection is wrong');
  });
});
