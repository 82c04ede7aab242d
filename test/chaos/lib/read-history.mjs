import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { openEsdbEventStore } from '@foldline/event-store-esdb';
import { Projector, localSignals, systemClock } from '@foldline/host';
import { withLargePayloads } from '@foldline/kernel';
import { openS3LogStore } from '@foldline/log-store-s3';
import { openS3ObjectStore } from '@foldline/object-store-s3';
import { READ_MODELS, READ_MODELS_NAME } from '@foldline/read-models';
import { openRedisReadStore } from '@foldline/read-store-redis';
import { openRedis } from '@foldline/redis';
import { openS3Bucket } from '@foldline/s3';
import { allEvents, shownTrees } from '../../faults/lib/pages.mjs';
import { readSide } from '../../faults/lib/side.mjs';
import { S3_ACCESS, SERVER_PORTS } from './places.mjs';

const REBUILD_MS = 60_000;
const REBUILT = 1;
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Reads what a cluster has recorded and kept, past the services, from the four servers themselves. */
export class Reader {
  #closing = [];

  static async open({ namespace, directory }) {
    const reader = new Reader();
    await reader.#open(namespace, directory);
    return reader;
  }

  async #open(namespace, directory) {
    this.namespace = namespace;
    this.directory = directory;
    const bucket = await openS3Bucket({
      endpoint: `http://127.0.0.1:${SERVER_PORTS.s3}`,
      bucket: namespace,
      ...S3_ACCESS,
    });
    this.raw = await openEsdbEventStore({ url: `esdb://127.0.0.1:${SERVER_PORTS.eventstore}?tls=false` });
    this.objects = await openS3ObjectStore({ bucket });
    this.store = withLargePayloads(this.raw, await openS3ObjectStore({ bucket, prefix: 'payloads/' }));
    const spoolDirectory = join(directory, 'reader-spool');
    this.logs = await openS3LogStore({ bucket, signals: localSignals(), spoolDirectory });
    const redisOf = (database) =>
      openRedis({ url: `redis://127.0.0.1:${SERVER_PORTS.redis}/${database}`, keyPrefix: namespace });
    this.redis = [redisOf(0), redisOf(REBUILT)];
    this.reads = this.redis.map((redis) => openRedisReadStore({ redis, generation: READ_MODELS_NAME }));
    this.#closing = [
      () => this.logs.close(),
      () => bucket.close(),
      () => this.raw.close(),
      ...this.redis.map((redis) => () => redis.close()),
    ];
  }

  async close() {
    for (const close of this.#closing.splice(0)) await close();
  }

  readModelPosition() {
    return this.reads[0].position(READ_MODELS_NAME);
  }

  /** Everything but what only the harness knows: requests, viewers, the topic. */
  async history(side) {
    const events = await allEvents(this.store);
    const trees = await shownTrees(this.reads[0]);
    const objects = new Map();
    const keep = async (digest) => void objects.set(digest, await this.objects.read(digest));
    for (const { manifestDigest } of trees) {
      await keep(manifestDigest);
      const { entries = [], layers = entries } = JSON.parse(objects.get(manifestDigest)?.toString() ?? '{}');
      for (const { digest } of layers) if (digest && !objects.has(digest)) await keep(digest);
    }
    return {
      events,
      lastPosition: events.at(-1)?.position ?? 0,
      trees,
      objects: (digest) => objects.get(digest),
      logs: await this.#readLogs(events),
      side: readSide(side),
      replay: await this.#replay(events.at(-1)?.position ?? 0),
      handled: this.#handled(),
    };
  }

  async #readLogs(events) {
    const logs = new Map();
    for (const { data } of events.filter(({ type }) => type === 'AttemptStarted')) {
      const { nextOffset, sealed } = await this.logs.state(data.attemptId);
      logs.set(data.attemptId, { bytes: await this.logs.read(data.attemptId, 0, nextOffset), sealed });
    }
    return logs;
  }

  /** Folds the whole log into another database of the same server, and compares what lies in both, key by key. */
  async #replay(position) {
    const [live, rebuilt] = [0, REBUILT].map(
      (db) => new Redis({ port: SERVER_PORTS.redis, host: '127.0.0.1', db, maxRetriesPerRequest: 1 }),
    );
    try {
      await rebuilt.flushdb();
      const projector = new Projector(this.store, this.reads[1], READ_MODELS, systemClock, silent, READ_MODELS_NAME);
      await projector.start();
      const complete = await projector.reached(position, REBUILD_MS);
      await projector.stop();
      if (!complete) return { failure: `the rebuilt read models did not reach ${position}`, differences: [] };
      const base = this.redis[0].key('reads', READ_MODELS_NAME);
      const [one, other] = await Promise.all([live, rebuilt].map((redis) => contentOf(redis, base)));
      const keys = new Set([...one.keys(), ...other.keys()]);
      return { differences: [...keys].filter((key) => one.get(key) !== other.get(key)).slice(0, 20) };
    } catch (error) {
      return { failure: String(error), differences: [] };
    } finally {
      live.disconnect();
      rebuilt.disconnect();
    }
  }

  /** What services told from within, where they were asked to: one list for each process. */
  #handled() {
    return readdirSync(this.directory)
      .filter((name) => name.startsWith('handled-'))
      .map((name) => ({
        process: name.slice('handled-'.length, -'.jsonl'.length),
        events: readFileSync(join(this.directory, name), 'utf8')
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line)),
      }));
  }
}

/** Every field and member that begins with the base, by its name, with its value. */
const contentOf = async (redis, base) => {
  const content = new Map();
  for (let cursor = '0', first = true; first || cursor !== '0'; first = false) {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${base}:*`, 'COUNT', 1000);
    cursor = next;
    for (const key of keys) {
      const name = key.slice(base.length + 1);
      const type = await redis.type(key);
      if (type === 'hash')
        for (const [field, value] of Object.entries(await redis.hgetall(key))) content.set(`${name}/${field}`, value);
      else if (type === 'zset')
        for (const member of await redis.zrange(key, 0, -1)) content.set(`${name}/${JSON.stringify(member)}`, '');
      else content.set(name, type);
    }
  }
  return content;
};
