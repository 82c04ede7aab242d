import { NO_STREAM, EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { figure } from '../lib/figures.mjs';

const APPEND_MS = 2_000;
const APPENDERS = 32;
const EVENT_BYTES = 300;

let serial = 0;
const rateOf = async (appenders, append) => {
  const since = performance.now();
  let count = 0;
  const one = async () => {
    const stream = `pipeline-bench${process.pid}x${(serial += 1)}`;
    for (let revision = -1; performance.now() - since < APPEND_MS; revision += 1) {
      await append(stream, revision);
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: appenders }, one));
  return count / ((performance.now() - since) / 1000);
};

/**
 * The adapter against the bare client, in turn on the same server, twice. The adapter reads back what was stored, to know
 * its position and which of two tries it was; so it is also held against the bare client doing the same.
 */
export const appends = async (url, store) => {
  const raw = EventStoreDBClient.connectionString(url);
  const data = { text: 'x'.repeat(EVENT_BYTES) };
  const about = { causationId: 'bench', correlationId: 'bench', actor: { kind: 'system', id: 'bench' } };
  const ours = (stream, revision) =>
    store.append(stream, [{ id: crypto.randomUUID(), type: 'JobQueued', version: 1, data, ...about }], revision);
  const bare = (stream, revision) =>
    raw.appendToStream(stream, jsonEvent({ type: 'JobQueued', data }), {
      expectedRevision: revision < 0 ? NO_STREAM : BigInt(revision),
    });
  const withReading = async (stream, revision) => {
    await bare(stream, revision);
    const found = [];
    for await (const event of raw.readStream(stream, { fromRevision: BigInt(revision + 1), maxCount: 1 }))
      found.push(event);
    if (found.length !== 1) throw new Error(`${stream} does not hold what was appended`);
  };
  for (const appenders of [1, APPENDERS]) {
    const best = { bare: 0, withReading: 0, ours: 0 };
    for (let round = 0; round < 2; round += 1)
      for (const [name, append] of Object.entries({ bare, withReading, ours }))
        best[name] = Math.max(best[name], await rateOf(appenders, append));
    const ratio = best.ours / best.withReading;
    figure(
      `appends/s, ${appenders} at once (bare client ${best.bare.toFixed(0)}/s, and reading back ${best.withReading.toFixed(0)}/s)`,
      `${best.ours.toFixed(0)}/s, ${ratio.toFixed(2)} ×`,
      '>= 0.6 × of reading back',
      ratio >= 0.6,
    );
  }
  await raw.dispose();
};
