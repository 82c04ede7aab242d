import { PipelineFinished, PipelineReopened, PipelineStarted, type RecordedEvent } from '@foldline/contracts';
import { systemClock, type ServerSettings } from '@foldline/host';
import { requireInstanceKey } from '../instance-key/require-instance-key.ts';
import { differencesOf, summaryOf } from './compare-logs.ts';
import { copyEvents, findBegun } from './copy-events.ts';
import { checkLogs, copyLogs, type LogsCopied } from './copy-logs.ts';
import { copyObjects } from './copy-objects.ts';
import type { Progress } from './progress.ts';
import { openSource, requireSameKey, type Source } from './source.ts';
import { openTarget, withLogs, type Target } from './target.ts';

export type Migration = {
  /** Events that an earlier run had copied already. */
  found: number;
  events: number;
  streams: number;
  objects: number;
  payloads: number;
  logs: number;
  /** Pipelines that have begun and not ended: they go on in the cluster. */
  underWay: number;
  /** In what the copy differs, each a line; none when it is the same. */
  problems: string[];
};

/**
 * Copies a standalone data directory into EventStoreDB and S3: bytes first, then the events that name them, in the order
 * of the log and as they are. Changes nothing in the directory. Can be cut off at any moment and begun again.
 * Refuses while a server uses the directory, when the target holds anything else, and under another secret key than the
 * directory's or the one that the target was begun with.
 */
export const migrate = async (directory: string, servers: ServerSettings, progress: Progress): Promise<Migration> => {
  requireSameKey(directory, servers.secretKey);
  const source = await openSource(directory, systemClock.now);
  try {
    const target = await openTarget(servers);
    try {
      return await copy(source, target, servers.secretKey, progress);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
};

const copy = async (source: Source, target: Target, secretKey: Buffer, progress: Progress): Promise<Migration> => {
  const whole = await source.events.verify();
  const begun = await findBegun(source.events, target.events, progress);
  // Not before: in the bucket of an instance that is there already nothing is begun.
  await requireInstanceKey(target.bucket, secretKey);
  const objects = await copyObjects(source.objects, target.objects, (done) => progress('objects', done));
  const payloads = await copyObjects(source.payloads, target.payloads, (done) => progress('large events', done));
  const logs = await copyAllLogs(source, target, progress);
  await copyEvents(source.events, target, begun, (done) => progress('events', done, whole.events));
  const { underWay, differences } = await compare(source, target, whole.events, progress);
  return {
    found: begun.events,
    ...whole,
    objects: objects.objects,
    payloads: payloads.objects,
    logs: logs.logs,
    underWay,
    problems: [...objects.problems, ...payloads.problems, ...logs.problems, ...differences],
  };
};

const copyAllLogs = async (source: Source, target: Target, progress: Progress): Promise<LogsCopied> => {
  const attempts = [...source.logs.attempts()];
  const copied = await withLogs(target.bucket, (logs) =>
    copyLogs({ source, target: logs, attempts }, (done) => progress('logs', done, attempts.length)),
  );
  // Looked at with nothing at hand but the bucket.
  const checked = await withLogs(target.bucket, (logs) =>
    checkLogs({ source, target: logs, attempts }, (done) => progress('logs looked at again', done, attempts.length)),
  );
  return { logs: copied.logs, problems: [...copied.problems, ...checked.problems] };
};

const compare = async (source: Source, target: Target, of: number, progress: Progress) => {
  const underWay = new Set<string>();
  const ours = await summaryOf(source.events, (event) => follow(underWay, event));
  let compared = 0;
  const theirs = await summaryOf(target.events, () => progress('events compared', (compared += 1), of));
  return { underWay: underWay.size, differences: differencesOf(ours, theirs) };
};

const follow = (underWay: Set<string>, { type, stream }: RecordedEvent): void => {
  if (type === PipelineStarted.type || type === PipelineReopened.type) underWay.add(stream);
  if (type === PipelineFinished.type) underWay.delete(stream);
};
