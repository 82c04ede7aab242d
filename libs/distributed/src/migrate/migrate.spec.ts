import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openEmbeddedEventStore, type EmbeddedEventStore } from '@foldline/event-store-embedded';
import type { EventToAppend } from '@foldline/kernel';
import { sampleEvent } from '@foldline/testing';
import { differencesOf, summaryOf } from './compare-logs.ts';
import { copyEvents, findBegun } from './copy-events.ts';
import { appendsIn, eventsOf } from './log-pages.ts';
import { inParallel } from './progress.ts';

const silent = (): void => undefined;

describe('moving a log', () => {
  let directory: string;
  let sourceTime: string;
  let targetTime: string;
  let source: EmbeddedEventStore;
  let events: EmbeddedEventStore;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-moving-'));
    sourceTime = targetTime = '2026-01-01T00:00:00.000Z';
    source = await openEmbeddedEventStore({ directory: join(directory, 'from'), now: () => sourceTime });
    events = await openEmbeddedEventStore({ directory: join(directory, 'to'), now: () => targetTime });
  });
  afterEach(async () => {
    await Promise.all([source.close(), events.close()]);
    rmSync(directory, { recursive: true });
  });

  const add = async (
    store: EmbeddedEventStore,
    stream: string,
    revision: number,
    count = 1,
  ): Promise<EventToAppend[]> => {
    const added = Array.from({ length: count }, () => sampleEvent());
    await store.append(stream, added, revision - 1);
    return added;
  };
  const move = async (): Promise<number> => {
    const target = { events, recordedAt: (time: string) => void (targetTime = time) };
    return copyEvents(source, target, await findBegun(source, events, silent), silent);
  };
  const differences = async (): Promise<string[]> =>
    differencesOf(await summaryOf(source, silent), await summaryOf(events, silent));
  const stored = async (store: EmbeddedEventStore) => {
    const all = [];
    for await (const event of eventsOf(store)) all.push(event);
    return all;
  };
  const history = async (): Promise<void> => {
    sourceTime = '2026-01-01T00:00:00.000Z';
    await add(source, 'pipeline-a', 0, 3);
    sourceTime = '2026-01-01T00:00:01.000Z';
    await add(source, 'plan-a', 0);
    await add(source, 'pipeline-a', 3, 2);
  };

  it('keeps everything of every event and the order of the log', async () => {
    await history();
    expect(await move()).toBe(6);
    expect(await stored(events)).toEqual(await stored(source));
    expect(await differences()).toEqual([]);
  });

  it('goes on behind what is there, also in the middle of what was appended together', async () => {
    await history();
    const [first, second] = await stored(source);
    targetTime = first!.recordedAt;
    await events.append('pipeline-a', [first!, second!], -1);
    expect(await findBegun(source, events, silent)).toEqual({ events: 2, position: second!.position });
    expect(await move()).toBe(6);
    expect(await stored(events)).toEqual(await stored(source));
  });

  it('finds nothing to do in what was moved', async () => {
    await history();
    await move();
    expect(await move()).toBe(6);
    expect(await stored(events)).toHaveLength(6);
  });

  it.each([
    ['another event in the place of ours', 'pipeline-a', 0],
    ['an event of a stream that we have not', 'project-x', 0],
  ])('refuses a log with %s, and names the stream', async (_what, stream, revision) => {
    await history();
    targetTime = sourceTime;
    await add(events, stream, revision);
    await expect(move()).rejects.toMatchObject({ code: 'target_not_empty', fields: { stream } });
  });

  it('refuses a log that holds more than ours', async () => {
    await history();
    await move();
    await add(events, 'runner-x', 0);
    await expect(move()).rejects.toMatchObject({ code: 'target_not_empty', fields: { stream: 'runner-x' } });
  });

  it('refuses when somebody appends to one of our streams meanwhile', async () => {
    await history();
    await add(events, 'plan-a', 0);
    const target = { events, recordedAt: silent };
    const moving = copyEvents(source, target, { events: 0, position: 0 }, silent);
    await expect(moving).rejects.toMatchObject({ code: 'target_not_empty', fields: { stream: 'plan-a' } });
  });

  it('refuses events that were recorded at another time', async () => {
    await history();
    const [first] = await stored(source);
    targetTime = '2026-02-02T00:00:00.000Z';
    await events.append('pipeline-a', [first!], -1);
    await expect(move()).rejects.toMatchObject({ code: 'target_not_empty' });
  });

  it('names each stream that differs, with how many events it has here and there', async () => {
    await history();
    await move();
    await add(events, 'plan-a', 1);
    await add(source, 'project-b', 0);
    expect(await differences()).toEqual([
      'stream plan-a: 1 events in the data directory, 2 in the copy',
      'stream project-b: 1 events in the data directory, 0 in the copy',
    ]);
  });

  it('finds a copy with the same streams in another order', async () => {
    sourceTime = '2026-01-01T00:00:00.000Z';
    const a = await add(source, 'plan-a', 0);
    const b = await add(source, 'plan-b', 0);
    targetTime = sourceTime;
    await events.append('plan-b', b, -1);
    await events.append('plan-a', a, -1);
    expect(await differences()).toEqual(['the order or the times of events']);
  });

  it('appends together what was appended together, up to what a server takes at once', async () => {
    sourceTime = '2026-01-01T00:00:00.000Z';
    const large = Array.from({ length: 4 }, () => ({ ...sampleEvent(), data: { text: 'x'.repeat(200_000) } }));
    await source.append('plan-a', large, -1);
    await add(source, 'plan-b', 0, 2);
    const sizes: number[] = [];
    for await (const together of appendsIn(eventsOf(source))) sizes.push(together.length);
    expect(sizes).toEqual([2, 2, 2]);
  });
});

describe('work side by side', () => {
  it('does everything once and no more at once than it may', async () => {
    let [running, most] = [0, 0];
    const done: number[] = [];
    await inParallel([1, 2, 3, 4, 5], 2, async (item) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      done.push(item);
      running -= 1;
    });
    expect(most).toBe(2);
    expect(done.toSorted()).toEqual([1, 2, 3, 4, 5]);
  });

  it('takes nothing more once something went wrong, and tells what', async () => {
    const begun: number[] = [];
    const work = inParallel([1, 2, 3, 4, 5], 1, async (item) => {
      begun.push(item);
      if (item === 2) throw new Error('the second');
    });
    await expect(work).rejects.toThrow('the second');
    expect(begun).toEqual([1, 2]);
  });
});
