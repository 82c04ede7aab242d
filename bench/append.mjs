// Durable appends against the disk's own limit, measured in the same run: `node bench/append.mjs [directory]`.
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { figure } from './lib/figures.mjs';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';

const EVENT_BYTES = 300;
const WINDOW_MS = 1_500;
const ROUNDS = 3;
const APPENDERS = 128;

const perSecond = (count, since) => count / ((performance.now() - since) / 1000);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const rawRate = (directory) => {
  const descriptor = openSync(join(directory, 'raw'), 'w');
  const bytes = Buffer.alloc(EVENT_BYTES, 'x');
  const since = performance.now();
  let count = 0;
  while (performance.now() - since < WINDOW_MS) {
    writeSync(descriptor, bytes);
    fdatasyncSync(descriptor);
    count += 1;
  }
  closeSync(descriptor);
  return perSecond(count, since);
};

let serial = 0;
const event = () => ({
  id: `00000000-0000-4000-8000-${String(serial++).padStart(12, '0')}`,
  type: 'JobQueued',
  version: 1,
  data: { text: 'x'.repeat(EVENT_BYTES) },
  causationId: 'bench',
  correlationId: 'bench',
  actor: { kind: 'system', id: 'bench' },
});

/** Each appender owns a stream and waits for each of its appends. */
const appendRate = async (store, appenders) => {
  const since = performance.now();
  const cpu = process.cpuUsage();
  let count = 0;
  await Promise.all(
    Array.from({ length: appenders }, async () => {
      const stream = `pipeline-${serial++}`;
      for (let revision = -1; performance.now() - since < WINDOW_MS; revision += 1) {
        await store.append(stream, [event()], revision);
        count += 1;
      }
    }),
  );
  const used = process.cpuUsage(cpu);
  return { rate: perSecond(count, since), cpu: (used.user + used.system) / count };
};

/** Durable appends against the raw disk, on the same disk in the same run. */
export const benchAppend = async () => {
  const directory = mkdtempSync(join(tmpdir(), 'foldline-append-'));
  const store = await openEmbeddedEventStore({ directory, now: () => new Date().toISOString() });
  try {
    const rounds = [];
    for (let n = 0; n < ROUNDS; n += 1) {
      rounds.push({
        raw: rawRate(directory),
        one: await appendRate(store, 1),
        many: await appendRate(store, APPENDERS),
      });
    }
    const middle = (pick) => median(rounds.map(pick));
    const ratio = middle(({ raw, one }) => one.rate / raw);
    const many = middle((round) => round.many.rate);
    figure(`write + fdatasync of ${EVENT_BYTES} bytes`, `${middle(({ raw }) => raw).toFixed(0)}/s`, 'the limit');
    figure('one append at a time', `${middle(({ one }) => one.rate).toFixed(0)}/s`);
    figure('one append at a time against the limit', `${ratio.toFixed(2)} ×`, '>= 0.6 ×', ratio >= 0.6);
    figure(`${APPENDERS} appenders at once`, `${many.toFixed(0)}/s`, '>= 10,000/s', many >= 10_000);
  } finally {
    await store.close();
    rmSync(directory, { recursive: true });
  }
};
