import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { EventStoreDBClient, START, streamNameFilter } from '@eventstore/db-client';
import { openEsdbEventStore } from '@foldline/event-store-esdb';
import { Projector, createLogger, systemClock } from '@foldline/host';
import { READ_MODELS } from '@foldline/read-models';
import { openRedisReadStore } from '@foldline/read-store-redis';
import { openRedis } from '@foldline/redis';
import { figure, percentile } from '../lib/figures.mjs';

const EVENT_STORE_PROGRAM = fileURLToPath(new URL('../../infra/ci/event-store/main.mjs', import.meta.url));
/** How often what the cluster did is in the log, under other names: a short one shows little but the start. */
const COPIES = 5;
const ROUNDS = 5;
const PAGE = 1_000;
const LIMIT = 10_000;
const PIPELINE_STREAM = 'pipeline-';

const readEverything = async (store) => {
  const events = [];
  for (let after = 0; ;) {
    const page = await store.readAll({ after, limit: PAGE });
    events.push(...page);
    if (page.length < PAGE) return events;
    after = page.at(-1).position;
  }
};

/** Events of one stream that lie near each other become one append: the log is made sooner, and means the same. */
const appendsOf = (events) => {
  const appends = [];
  for (let n = 0; n < events.length; n += PAGE) {
    const streams = new Map();
    for (const event of events.slice(n, n + PAGE))
      streams.set(event.stream, [...(streams.get(event.stream) ?? []), event]);
    appends.push(...streams.values());
  }
  return appends;
};

const appendTo = async (store, events) => {
  const [{ stream, revision }] = events;
  const anew = events.map((event) => ({ ...event, id: randomUUID() }));
  await store.append(stream, anew, revision - 1);
};

/** What one pipeline did, under another name for each copy, so that each makes documents of its own. */
const copyPipeline = async (store, appends, id, copy) => {
  const name = `${id.slice(0, 10)}${String(copy).padStart(4, '0')}${id.slice(14)}`;
  for (const append of appends) await appendTo(store, JSON.parse(JSON.stringify(append).replaceAll(id, name)));
};

/** Pipelines are copied side by side, as they were made; what is none's is there once, before them. */
const fill = async (store, events) => {
  const ids = [...new Set(events.map(({ stream }) => stream))]
    .filter((stream) => stream.startsWith(PIPELINE_STREAM))
    .map((stream) => stream.slice(PIPELINE_STREAM.length));
  const appends = new Map([undefined, ...ids].map((id) => [id, []]));
  for (const append of appendsOf(events)) appends.get(ids.find((id) => append[0].stream.includes(id))).push(append);
  for (const append of appends.get(undefined)) await appendTo(store, append);
  const copies = Array.from({ length: COPIES }, (_none, copy) =>
    ids.map((id) => copyPipeline(store, appends.get(id), id, copy)),
  );
  await Promise.all(copies.flat());
};

/** An event store of its own with a long log: nobody else's figures depend on it. */
const startEventStore = async () => {
  const directory = mkdtempSync(join(tmpdir(), 'foldline-bench-'));
  const server = spawn(process.execPath, [EVENT_STORE_PROGRAM, '--port', '0', '--data', directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: server.stdout }), 'line');
  const stop = async () => {
    const ended = once(server, 'exit');
    server.kill();
    await ended;
    rmSync(directory, { recursive: true });
  };
  return { url: `esdb://${line.slice('ready on '.length)}?tls=false`, stop };
};

/** How fast the bare client is handed everything that is stored. */
const readBare = async (url, count) => {
  const client = EventStoreDBClient.connectionString(url);
  const since = performance.now();
  const filter = streamNameFilter({ regex: '^[^$]' });
  const subscription = client.subscribeToAll({ fromPosition: START, filter });
  let left = count;
  for await (const { event: found } of subscription) if (found && --left === 0) break;
  const rate = count / ((performance.now() - since) / 1000);
  await subscription.unsubscribe();
  await client.dispose();
  return rate;
};

/** All read models, folded into an empty generation of Redis. */
const rebuild = async (store, count) => {
  const redis = openRedis({ url: process.env.FOLDLINE_TEST_REDIS_URL, keyPrefix: `bench-${randomUUID()}` });
  const reads = openRedisReadStore({ redis, generation: 'bench' });
  const projector = new Projector(store, reads, READ_MODELS, systemClock, createLogger('warn'), 'bench');
  const last = await store.lastPosition();
  const since = performance.now();
  await projector.start();
  if (!(await projector.reached(last, 120_000))) throw new Error('the read models did not come to the end of the log');
  const rate = count / ((performance.now() - since) / 1000);
  await projector.stop();
  await reads.remove();
  redis.close();
  return rate;
};

/** How fast read models are made anew from a log that is some copies of this one; the middle of some rounds. */
export const benchRebuild = async (source) => {
  const { url, stop } = await startEventStore();
  const store = await openEsdbEventStore({ url });
  try {
    await fill(store, await readEverything(source));
    const { length: count } = await readEverything(store);
    const [bare, rebuilt] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      bare.push(await readBare(url, count));
      rebuilt.push(await rebuild(store, count));
    }
    const [reading, rate] = [percentile(bare), percentile(rebuilt)];
    figure(
      `rebuild of all read models into Redis (${count} events; bare client reads ${reading.toFixed(0)}/s, ${(rate / reading).toFixed(2)} ×)`,
      `${rate.toFixed(0)}/s, best ${Math.max(...rebuilt).toFixed(0)}/s`,
      `>= ${LIMIT.toLocaleString('en')}/s`,
      rate >= LIMIT,
    );
  } finally {
    await store.close();
    await stop();
  }
};
