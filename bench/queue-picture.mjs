// What it costs to tell every waiting job its turn, and what a longer queue changes: a part of `npm run bench -- queue`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COLLECTION } from '@foldline/contracts';
import { QUEUE_RULES } from '@foldline/kernel';
import { READ_MODELS } from '@foldline/read-models';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { QueuePictures } from '../apps/api-gateway/dist/queue/queue-pictures.js';
import { figure } from './lib/figures.mjs';

const QUEUES = [1_000, 10_000];
const RUNNERS = 1_000;
const RUNNING = 4_000;
const KINDS = 50;
const RUNS_OF_EACH = 7;
const ROUNDS = 5;
const AT_ONCE = 1_000;

const now = Date.now();
const at = (ms) => new Date(now + ms).toISOString();
const offer = {
  cluster: { id: 'local', power: 'low-power' },
  cpu: 64,
  memoryBytes: 0,
  diskBytes: 0,
  slots: 4,
  executors: ['process'],
};
const job = (id, index, more) => ({
  id: `${id}${index}`,
  pipelineId: `${id}${index}`,
  projectId: `project-${index % 100}`,
  project: 'ada/engine',
  index,
  kind: `kind ${index % KINDS}`,
  priority: index % 11,
  requirements: { cpu: 1 + (index % 4) },
  queuedAt: at(index - 60_000),
  queuedPosition: index,
  createdAt: at(0),
  why: [],
  steps: [],
  caches: [],
  ...more,
});
const many = (count, of) => Array.from({ length: count }, (_, index) => of(index));

const fill = async (reads, queued) => {
  let position = 0;
  const put = async (collection, docs) => {
    const { indexes } = READ_MODELS.find((projection) => projection.collection === collection);
    for (let from = 0; from < docs.length; from += AT_ONCE) {
      const writes = docs
        .slice(from, from + AT_ONCE)
        .map((doc) => ({ collection, id: doc.id, doc, indexes: indexes(doc) }));
      await reads.apply('bench', ++position, writes);
    }
  };
  await put(
    COLLECTION.runners,
    many(RUNNERS, (n) => ({ id: `runner-${n}`, epoch: 'e', offer, status: 'online', since: at(0) })),
  );
  const ended = { status: 'success', runnerId: 'runner-0', startedAt: at(-1e6), finishedAt: at(-9e5) };
  await put(
    COLLECTION.jobs,
    many(KINDS * RUNS_OF_EACH, (n) => job('ended', n, ended)),
  );
  const running = (n) => ({ status: 'running', runnerId: `runner-${n % RUNNERS}`, startedAt: at(-n * 10) });
  await put(
    COLLECTION.jobs,
    many(RUNNING, (n) => job('running', n, running(n))),
  );
  await put(
    COLLECTION.jobs,
    many(queued, (n) => job('queued', n, { status: 'queued' })),
  );
};

/** Milliseconds for one picture. */
const pictureOf = async (queued) => {
  const directory = mkdtempSync(join(tmpdir(), 'foldline-bench-queue-'));
  const reads = await openEmbeddedReadStore({ directory });
  try {
    await fill(reads, queued);
    const settings = { highPowerOwners: ['*'], queueRules: QUEUE_RULES };
    const clock = { now: () => at(0), monotonic: () => performance.now() };
    const took = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const since = performance.now();
      await new QueuePictures(reads, { position: () => 0 }, settings, clock).current();
      took.push(performance.now() - since);
    }
    return Math.min(...took);
  } finally {
    await reads.close();
    rmSync(directory, { recursive: true });
  }
};

export const benchQueuePicture = async () => {
  const few = await pictureOf(QUEUES[0]);
  const more = await pictureOf(QUEUES[1]);
  figure(`the turns of ${QUEUES[0]} jobs behind ${RUNNING} that run`, `${few.toFixed(0)} ms`, '');
  figure(`the same, ${QUEUES[1]} wait`, `${(more / few).toFixed(2)} x`, '<= 1.5 x', more / few <= 1.5);
};
