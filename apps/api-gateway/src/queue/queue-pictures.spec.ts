import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { COLLECTION, type JobDoc, type RunnerDoc } from '@foldline/contracts';
import { QUEUE_RULES, TransientError, type Document, type ReadStore, type Settings } from '@foldline/kernel';
import { READ_MODELS } from '@foldline/read-models';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { ManualClock, runnerOffer } from '@foldline/testing';
import { firstInQueue } from './first-in-queue.ts';
import { QueuePictures } from './queue-pictures.ts';

const SECOND = 1_000;
const NOON = Date.UTC(2030, 0, 1, 12);
const at = (seconds: number): string => new Date(NOON + seconds * SECOND).toISOString();

let directory: string;
let reads: ReadStore;
let position: number;
let clock: ManualClock;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-queue-pictures-'));
  reads = await openEmbeddedReadStore({ directory });
  position = 0;
  clock = new ManualClock(NOON);
});
afterEach(async () => {
  await reads.close();
  rmSync(directory, { recursive: true });
});

/** Stores documents as the projections would. */
const put = async (collection: string, docs: readonly (Document & { id: string })[]): Promise<void> => {
  const { indexes } = READ_MODELS.find((projection) => projection.collection === collection)!;
  const writes = docs.map((doc) => ({ collection, id: doc.id, doc, indexes: indexes(doc) }));
  position += 1;
  await reads.apply('spec', position, writes);
};
const job = (id: string, more: Partial<JobDoc>): JobDoc =>
  ({
    id,
    pipelineId: id,
    projectId: 'pr1',
    project: 'ada/engine',
    index: 0,
    kind: 'build',
    priority: 5,
    requirements: {},
    queuedAt: at(-60),
    queuedPosition: Number(id),
    createdAt: at(-60),
    ...more,
  }) as unknown as JobDoc;
const queued = (id: string, more: Partial<JobDoc> = {}): JobDoc => job(id, { status: 'queued', ...more });
const running = (id: string, seconds: number, more: Partial<JobDoc> = {}): JobDoc =>
  job(id, { status: 'running', runnerId: 'r1', startedAt: at(-seconds), ...more });
const ended = (id: string, seconds: number, more: Partial<JobDoc> = {}): JobDoc =>
  job(id, { status: 'success', runnerId: 'r1', startedAt: at(-900), finishedAt: at(-900 + seconds), ...more });
const runner = (id: string, status: RunnerDoc['status'] = 'online'): RunnerDoc => ({
  id,
  epoch: 'e',
  offer: runnerOffer({ slots: 1 }),
  status,
  since: at(-900),
});
const pictures = (rules = QUEUE_RULES, store = reads): QueuePictures =>
  new QueuePictures(
    store,
    { position: () => position, reached: async () => true },
    { highPowerOwners: ['*'], queueRules: rules } as unknown as Settings,
    clock,
  );

describe('A picture of the queue', () => {
  it('tells the turn of each waiting job from how long jobs like it took before', async () => {
    await put(COLLECTION.runners, [runner('r1')]);
    await put(COLLECTION.jobs, [ended('1', 20), ended('2', 30), ended('3', 40)]);
    await put(COLLECTION.jobs, [running('4', 10), queued('5'), queued('6')]);
    const { turns } = await pictures().current();
    expect([...turns]).toEqual([
      ['5', { position: 1, start: { inMs: 20_000, jobs: 1, runs: 3 } }],
      ['6', { position: 2, start: { inMs: 50_000, jobs: 2, runs: 6 } }],
    ]);
  });

  it('tells no time from jobs of another project or another kind, nor when a job runs longer than any before it', async () => {
    await put(COLLECTION.runners, [runner('r1')]);
    await put(COLLECTION.jobs, [ended('1', 20, { projectId: 'pr2' }), ended('2', 20, { kind: 'test' }), ended('3', 5)]);
    await put(COLLECTION.jobs, [running('4', 10), queued('5')]);
    const { turns } = await pictures().current();
    expect([...turns]).toEqual([['5', { position: 1 }]]);
  });

  it('takes a job for new on its runner until it has begun', async () => {
    await put(COLLECTION.runners, [runner('r1')]);
    await put(COLLECTION.jobs, [ended('1', 30), job('2', { status: 'assigned', runnerId: 'r1' }), queued('3')]);
    expect((await pictures().current()).turns.get('3')?.start?.inMs).toBe(30_000);
  });

  it('knows what is taken of each runner that is connected, and which of them are being drained', async () => {
    await put(COLLECTION.runners, [
      runner('r1'),
      runner('r2', 'draining'),
      runner('r3', 'lost'),
      runner('r4', 'stopped'),
    ]);
    await put(COLLECTION.jobs, [running('1', 1), queued('2')]);
    const { verdictsOn, busy } = await pictures().current();
    expect(verdictsOn(queued('2')).runners.map(({ id, code }) => [id, code])).toEqual([
      ['r1', 'busy'],
      ['r2', 'draining'],
    ]);
    expect([...busy]).toEqual([['pr1', 1]]);
  });

  it('is the same for everybody for a second, until something happens', async () => {
    const made = pictures();
    const first = await made.current();
    expect(await made.current()).toBe(first);
    clock.advance(SECOND);
    const second = await made.current();
    expect(second).not.toBe(first);
    await put(COLLECTION.jobs, [queued('1')]);
    expect((await made.current()).turns.size).toBe(1);
  });

  it('that took long to make serves for a second whatever happens', async () => {
    const made = pictures();
    const begun = made.current();
    clock.advance(SECOND / 10);
    const first = await begun;
    await put(COLLECTION.jobs, [queued('1')]);
    expect(await made.current()).toBe(first);
    clock.advance(SECOND);
    expect((await made.current()).turns.size).toBe(1);
  });

  it('that could not be made is made again', async () => {
    let isAway = true;
    const query: ReadStore['query'] = async (...asked) => {
      if (isAway) throw new TransientError('the read store is away');
      return reads.query(...asked);
    };
    const made = pictures(QUEUE_RULES, Object.assign(Object.create(reads) as ReadStore, { query }));
    await expect(made.current()).rejects.toThrow('the read store is away');
    isAway = false;
    expect((await made.current()).isWhole).toBe(true);
  });
});

describe('The first jobs of the queue', () => {
  const first = async (atMost: number, rules = QUEUE_RULES): Promise<string[]> =>
    (await firstInQueue(reads, rules, atMost)).map(({ id }) => id);

  it('are those that have waited longest, a step of priority counted as five minutes', async () => {
    await put(COLLECTION.jobs, [
      queued('1', { queuedAt: at(-400), priority: 4 }),
      queued('2', { queuedAt: at(-300) }),
      queued('3', { queuedAt: at(-50), priority: 6 }),
      queued('4', { status: 'waiting_for_resource', resourceGroup: 'g' }),
    ]);
    expect(await first(10)).toEqual(['3', '2', '1']);
    expect(await first(10, { ...QUEUE_RULES, priorityMs: 0 })).toEqual(['1', '2', '3']);
  });

  it('are no more than asked for, of a queue that is read in several pages', async () => {
    const jobs = Array.from({ length: 350 }, (_, n) => queued(String(n), { queuedAt: at(n), priority: n % 2 }));
    await put(COLLECTION.jobs, jobs);
    const odd = jobs.filter(({ priority }) => priority === 1).map(({ id }) => id);
    const found = await first(250);
    expect(found).toHaveLength(250);
    expect(found.slice(0, 150)).toEqual(odd.slice(0, 150));
  });
});
