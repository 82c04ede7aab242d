import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createKafkaRelay } from '@foldline/bus-kafka';
import { Sandbox } from '@foldline/client';
import { openEsdbEventStore } from '@foldline/event-store-esdb';
import { systemClock } from '@foldline/host';
import { Kafka, Partitioners } from 'kafkajs';
import { figure, ms } from '../lib/figures.mjs';
import { runPipelines } from './load.mjs';
import { eventStoreUrl } from './processes.mjs';
import { benchRebuild } from './rebuild.mjs';

const EVENTS = 20_000;
const PER_APPEND = 100;
const STEADY_SECONDS = 10;
const STEADY_BATCH = 50;
const STEADY_EVERY_MS = 50;
const RAW_BATCH = 500;
const REBUILD_JOBS = 100;
const REBUILD_PIPELINES = 6;
const CATEGORY = 'group';
const brokers = () => process.env.FOLDLINE_TEST_KAFKA_BROKERS.split(',');

const event = () => ({
  id: randomUUID(),
  type: 'JobQueued',
  version: 1,
  data: { text: 'x'.repeat(300) },
  causationId: 'bench',
  correlationId: randomUUID(),
  actor: { kind: 'system', id: 'bench' },
});

const appendMany = async (store, count) => {
  let position = 0;
  for (let n = 0; n < count; n += PER_APPEND) {
    const events = Array.from({ length: Math.min(PER_APPEND, count - n) }, event);
    ({ position } = await store.append(`${CATEGORY}-${randomUUID()}`, events, -1));
  }
  return position;
};

const alone = {
  contend: async ({ onChange, signal }) => {
    onChange(true);
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  },
};

const startRelay = (store, prefix) => {
  const relay = createKafkaRelay({
    kafka: { brokers: brokers(), clientId: 'bench', prefix, partitions: 64 },
    name: 'bench',
    categories: [CATEGORY],
    store,
    claims: alone,
    now: systemClock.now,
    sleep: systemClock.sleep,
  });
  relay.start();
  return relay;
};

const reached = async (relay, position) => {
  while (relay.position < position) await sleep(1);
};

/** The same events by the bare client, as fast as one idempotent producer takes them. */
const rawRate = async (topic) => {
  const kafka = new Kafka({ clientId: 'bench-raw', brokers: brokers(), logLevel: 0 });
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  const since = performance.now();
  for (let n = 0; n < EVENTS; n += RAW_BATCH) {
    const messages = Array.from({ length: RAW_BATCH }, () => ({ key: randomUUID(), value: JSON.stringify(event()) }));
    await producer.send({ topic, acks: -1, messages });
  }
  const rate = EVENTS / ((performance.now() - since) / 1000);
  await producer.disconnect();
  return rate;
};

/** How late events are that come at a steady 1,000 a second: from the answer to the append until they are in the topic. */
const steadyLag = async (store, relay) => {
  let worst = 0;
  const waits = [];
  for (let until = performance.now() + STEADY_SECONDS * 1000; performance.now() < until;) {
    const began = performance.now();
    const events = Array.from({ length: STEADY_BATCH }, event);
    const { position } = await store.append(`${CATEGORY}-${randomUUID()}`, events, -1);
    const appended = performance.now();
    waits.push(reached(relay, position).then(() => (worst = Math.max(worst, performance.now() - appended))));
    await sleep(Math.max(0, STEADY_EVERY_MS - (performance.now() - began)));
  }
  await Promise.all(waits);
  return worst;
};

/** What the relay brings to Kafka, and how fast read models are made anew. Needs the servers of `infra/ci/servers`. */
export const benchRelay = async () => {
  const sandbox = await Sandbox.start(
    { FOLDLINE_RUNNERS: 'bench:high-power:16', FOLDLINE_PROJECT_QUEUE_LIMIT: '20000' },
    {},
    { topology: 'distributed' },
  );
  const { cluster } = sandbox;
  const store = await openEsdbEventStore({ url: eventStoreUrl(cluster) });
  try {
    sandbox.commit({ '.codara-ci.yml': `noop:\n  script: "true"\n  parallel: ${REBUILD_JOBS}\n` });
    const { ends } = await runPipelines(() => [sandbox.client], { count: REBUILD_PIPELINES, atOnce: 3 });
    if (ends.some(({ status }) => status !== 'success')) throw new Error('a pipeline did not end well');
    await cluster.stopServices();
    await benchRebuild(store);
    const prefix = `bench-${randomUUID()}.`;
    const last = await appendMany(store, EVENTS);
    const cpu = process.cpuUsage();
    const since = performance.now();
    const relay = startRelay(store, prefix);
    await reached(relay, last);
    const seconds = (performance.now() - since) / 1000;
    const used = process.cpuUsage(cpu);
    const rate = EVENTS / seconds;
    const raw = await rawRate(`${prefix}events.v1`);
    figure(
      `relay, events/s (bare producer ${raw.toFixed(0)}/s, ${(rate / raw).toFixed(2)} ×)`,
      `${rate.toFixed(0)}/s, ${((used.user + used.system) / 1e6 / seconds).toFixed(2)} cores`,
      '>= 3,000/s on one core',
      rate >= 3_000,
    );
    const worst = await steadyLag(store, relay);
    figure('relay behind the log at 1,000 events/s, at most', ms(worst), '<= 1000 ms', worst <= 1_000);
    await relay.close();
  } finally {
    await store.close();
    await sandbox.stop();
  }
};
