import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEsdbEventStore, type EsdbEventStore } from '@foldline/event-store-esdb';
import { localSignals, type ServerSettings } from '@foldline/host';
import type { LogStore, ObjectStore } from '@foldline/kernel';
import { openS3LogStore } from '@foldline/log-store-s3';
import { openS3ObjectStore } from '@foldline/object-store-s3';
import { openS3Bucket, type S3Bucket } from '@foldline/s3';
import { PAYLOADS } from '../payloads-prefix.ts';

/** The servers that a log is moved to. Kafka and Redis are filled by the services, from the log. */
export type Target = {
  events: EsdbEventStore;
  /** RFC 3339: the time that the next appended events were recorded at. */
  recordedAt: (time: string) => void;
  objects: ObjectStore;
  payloads: ObjectStore;
  bucket: S3Bucket;
  close: () => Promise<void>;
};

export const openTarget = async ({ eventStore, s3 }: ServerSettings): Promise<Target> => {
  let time = '';
  const events = openEsdbEventStore({ ...eventStore, recordedAt: () => time });
  let bucket: S3Bucket | undefined;
  const close = async (): Promise<void> => {
    bucket?.close();
    await events.close();
  };
  try {
    await events.lastPosition();
    bucket = await openS3Bucket(s3);
    const [objects, payloads] = await Promise.all([
      openS3ObjectStore({ bucket }),
      openS3ObjectStore({ bucket, prefix: PAYLOADS }),
    ]);
    return { events, recordedAt: (next) => void (time = next), objects, payloads, bucket, close };
  } catch (error) {
    await close();
    throw error;
  }
};

const UPLOAD_MS = 120_000;

/** The logs in the bucket, with a spool that begins empty and is gone afterwards. */
export const withLogs = async <Result>(
  bucket: S3Bucket,
  work: (logs: LogStore) => Promise<Result>,
): Promise<Result> => {
  const spool = await mkdtemp(join(tmpdir(), 'foldline-migrate-'));
  try {
    const logs = await openS3LogStore({ bucket, signals: localSignals(), spoolDirectory: join(spool, 'spool') });
    try {
      return await work(logs);
    } finally {
      // Uploads what was appended and is not sealed.
      await logs.close(UPLOAD_MS);
    }
  } finally {
    await rm(spool, { recursive: true, force: true });
  }
};
