import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COLLECTION, queuePrefix } from '@foldline/contracts';
import type { ReadStore } from '@foldline/kernel';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { waitingSince } from './waiting-since.ts';

const QUEUED_AT = '2030-01-01T00:00:00.000Z';

let directory: string;
let reads: ReadStore;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-waiting-since-'));
  reads = await openEmbeddedReadStore({ directory });
});
afterEach(async () => {
  await reads.close();
  rmSync(directory, { recursive: true });
});

const put = (ids: readonly string[], waitsFor: 'runner' | 'resource'): Promise<number> => {
  const writes = ids.map((id, at) => ({
    collection: COLLECTION.jobs,
    id,
    doc: { id, queuedAt: QUEUED_AT, queuedPosition: at },
    indexes: { byQueue: `${queuePrefix(waitsFor, at % 11)}${QUEUED_AT}/${id}` },
  }));
  return reads.apply('spec', 1, writes);
};

describe('Since when jobs wait', () => {
  it('is told of every job that waits for a runner, however many there are', async () => {
    const ids = Array.from({ length: 450 }, (_, n) => `p1.${n}`);
    await put(ids, 'runner');
    const since = await waitingSince(reads);
    expect([...since.keys()].toSorted()).toEqual(ids.toSorted());
    expect(since.get('p1.449')).toEqual({ recordedAt: QUEUED_AT, position: 449 });
  });

  it('is not told of those that wait for their resource group', async () => {
    await put(['p1.0'], 'resource');
    expect(await waitingSince(reads)).toEqual(new Map());
  });
});
