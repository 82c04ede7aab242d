import type { RecordedEvent } from '@foldline/contracts';
import { openEsdbEventStore } from '@foldline/event-store-esdb';
import { compareReadModels, type ReplayReport, type ServerSettings } from '@foldline/host';
import { DamagedLog, withLargePayloads, type EventStore, type Projection } from '@foldline/kernel';
import { openS3ObjectStore } from '@foldline/object-store-s3';
import { openRedisSnapshot } from '@foldline/read-store-redis';
import { openRedis } from '@foldline/redis';
import { openS3Bucket } from '@foldline/s3';
import { PAYLOADS } from '../payloads-prefix.ts';

const PAGE = 1_000;

/**
 * Checks every event in EventStoreDB, rebuilds every read model from the log in a directory of this host and compares it
 * with what Redis held at one moment, document by document and byte for byte, and so the indexes. Throws when Redis holds
 * those of other projections than `name` says. Changes nothing; the services may be running meanwhile.
 */
export const verifyCluster = async (
  servers: ServerSettings,
  projections: readonly Projection[],
  name: string,
): Promise<ReplayReport> => {
  const log = openEsdbEventStore(servers.eventStore);
  const redis = openRedis(servers.redis);
  try {
    const live = await openRedisSnapshot({ redis, generation: name });
    try {
      const verified = await verifyEvents(log);
      const bucket = await openS3Bucket({ ...servers.s3, createBucket: false });
      try {
        const payloads = await openS3ObjectStore({ bucket, prefix: PAYLOADS });
        const compared = await compareReadModels(withLargePayloads(log, payloads), live, projections, name);
        return { ...verified, ...compared };
      } finally {
        bucket.close();
      }
    } finally {
      await live.close();
    }
  } finally {
    await log.close();
    await redis.close();
  }
};

/** The store checks each event against its hash; here, that none is missing from its stream but at the end. */
const verifyEvents = async (log: EventStore): Promise<{ events: number; streams: number }> => {
  const revisions = new Map<string, number>();
  let events = 0;
  for (let page: RecordedEvent[] = [], after = 0; ; after = page.at(-1)!.position) {
    page = await log.readAll({ after, limit: PAGE });
    for (const { stream, revision, position } of page) {
      if (revision !== (revisions.get(stream) ?? -1) + 1)
        throw new DamagedLog(stream, position, 'the event before it is missing');
      revisions.set(stream, revision);
    }
    events += page.length;
    if (page.length < PAGE) return { events, streams: revisions.size };
  }
};
