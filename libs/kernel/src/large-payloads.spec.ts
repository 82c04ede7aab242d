import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import { openFileObjectStore } from '@foldline/object-store-files';
import { PermanentError } from './errors.ts';
import { withLargePayloads } from './large-payloads.ts';
import { NO_STREAM, type EventStore, type EventToAppend } from './ports/event-store.port.ts';
import type { ObjectStore } from './ports/object-store.port.ts';

let directory: string;
let inner: EventStore;
let objects: ObjectStore;
let store: EventStore;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-large-'));
  inner = await openEmbeddedEventStore({ directory: join(directory, 'events'), now: () => new Date().toISOString() });
  objects = await openFileObjectStore({ directory: join(directory, 'objects') });
  store = withLargePayloads(inner, objects);
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const event = (id: string, text: string): EventToAppend => ({
  type: 'PipelinePlanned',
  version: 1,
  data: { text },
  id,
  causationId: 'c',
  correlationId: 'p1',
  actor: { kind: 'system', id: 'test' },
});
const ids = ['6f1c1d0a-0000-5000-8000-000000000001', '6f1c1d0a-0000-5000-8000-000000000002'] as const;
const large = 'x'.repeat(250_000);
type WithReference = { $large?: { digest: string; bytes: number } };

describe('large event data', () => {
  it('lies in the object store, with its digest in the log', async () => {
    await store.append('plan-1', [event(ids[0], large)], NO_STREAM);
    const [stored] = await inner.readStream('plan-1');
    const reference = (stored!.data as WithReference).$large!;
    expect(JSON.parse((await objects.read(reference.digest))!.toString())).toEqual({ text: large });
    expect(JSON.stringify(stored!.data).length).toBeLessThan(200);
  });

  it('is back on every way of reading', async () => {
    const appended = await store.append('plan-1', [event(ids[0], 'small'), event(ids[1], large)], NO_STREAM);
    const expected = [{ text: 'small' }, { text: large }];
    const followed: unknown[] = [];
    const enough = new AbortController();
    await store.follow(
      0,
      (events) => {
        followed.push(...events.map(({ data }) => data));
        if (followed.length === 2) enough.abort();
      },
      enough.signal,
    );
    expect(appended.events.map(({ data }) => data)).toEqual(expected);
    expect((await store.readStream('plan-1')).map(({ data }) => data)).toEqual(expected);
    expect((await store.readAll({ after: 0, limit: 10 })).map(({ data }) => data)).toEqual(expected);
    expect(followed).toEqual(expected);
  });

  it('is back for followers of some categories, and others cost no reading of objects', async () => {
    await store.append('plan-1', [event(ids[0], large)], NO_STREAM);
    await store.append('log-1', [event(ids[1], 'small')], NO_STREAM);
    const followed: unknown[] = [];
    const enough = new AbortController();
    const take = (events: readonly { data: unknown }[]): void => {
      followed.push(...events.map(({ data }) => data));
      enough.abort();
    };
    const [stored] = await inner.readStream('plan-1');
    await objects.delete((stored!.data as WithReference).$large!.digest);
    await store.follow(0, take, enough.signal, { categories: ['log'] });
    expect(followed).toEqual([{ text: 'small' }]);
  });

  it('is measured in bytes, not in letters', async () => {
    await store.append('plan-1', [event(ids[0], '€'.repeat(100_000))], NO_STREAM);
    const [stored] = await inner.readStream('plan-1');
    expect((stored!.data as WithReference).$large).toBeDefined();
  });

  it('stays in the log up to 200 KiB', async () => {
    const frame = JSON.stringify({ text: '' }).length;
    await store.append('plan-1', [event(ids[0], 'x'.repeat(200 * 1024 - frame))], NO_STREAM);
    await store.append('plan-2', [event(ids[1], 'x'.repeat(200 * 1024 - frame + 1))], NO_STREAM);
    expect(((await inner.readStream('plan-1'))[0]!.data as WithReference).$large).toBeUndefined();
    expect(((await inner.readStream('plan-2'))[0]!.data as WithReference).$large).toBeDefined();
  });

  it('is stored once when the append is repeated', async () => {
    const first = await store.append('plan-1', [event(ids[0], large)], NO_STREAM);
    const second = await store.append('plan-1', [event(ids[0], large)], NO_STREAM);
    expect(second).toEqual(first);
    expect(await store.readStream('plan-1')).toHaveLength(1);
  });

  it('is never replaced by something else when its object is gone', async () => {
    await store.append('plan-1', [event(ids[0], large)], NO_STREAM);
    const [stored] = await inner.readStream('plan-1');
    await objects.delete((stored!.data as WithReference).$large!.digest);
    await expect(store.readStream('plan-1')).rejects.toThrow(PermanentError);
  });
});
