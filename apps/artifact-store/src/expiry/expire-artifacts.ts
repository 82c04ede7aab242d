import { artifactStream, COLLECTION, type ArtifactDoc } from '@foldline/contracts';
import {
  derivedId,
  type Clock,
  type Commands,
  type EventStore,
  type Logger,
  type ObjectStore,
  type ReadModels,
  type ReadStore,
} from '@foldline/kernel';
import { artifactDecider } from '../artifact/artifact.decider.ts';
import type { BlobGate } from './blob-gate.ts';
import { bytesOnlyOf } from './expired-bytes.ts';

/** How many artifacts go in one pass over everything that is kept. */
const BATCH = 500;
const READ_MODELS_WAIT_MS = 10_000;

export type ExpiryPorts = {
  commands: Commands;
  eventStore: EventStore;
  readStore: ReadStore;
  readModels: ReadModels;
  objectStore: ObjectStore;
  clock: Clock;
  logger: Logger;
  gate: BlobGate;
};

/**
 * Ends the artifacts whose time is over: their bytes go, the record stays (C05). Answers how many.
 *
 * The bytes go before the event is stored: a crash between the two is mended by the next run, which finds the artifact
 * still due and nothing left to delete. Bytes that anything else still names are kept.
 */
export const expireArtifacts = async (ports: ExpiryPorts): Promise<number> => {
  for (let expired = 0; ;) {
    const batch = await ports.gate.deleting(() => expireBatch(ports));
    expired += batch;
    if (batch < BATCH) return expired;
  }
};

const expireBatch = async (ports: ExpiryPorts): Promise<number> => {
  // Everything committed up to here must show in the read models, or bytes of a new artifact would look unused.
  if (!(await showAll(ports))) {
    ports.logger.warn({}, 'artifacts are not expired now: the read models are behind');
    return 0;
  }
  const due = await dueArtifacts(ports.readStore, ports.clock.now());
  if (due.length === 0) return 0;
  await deleteBytes(ports, due);
  let expired = 0;
  for (const artifact of due) expired += await expire(ports.commands, artifact);
  return expired;
};

/** Whether the read models show everything that is stored now, or do so within a while. */
export const showAll = async ({ readModels, eventStore }: Pick<ExpiryPorts, 'readModels' | 'eventStore'>) =>
  readModels.reached(await eventStore.lastPosition(), READ_MODELS_WAIT_MS);

const expire = async (commands: Commands, { id, pipelineId }: ArtifactDoc): Promise<number> => {
  const cause = {
    id: derivedId('expire-artifact', id),
    correlationId: pipelineId,
    actor: { kind: 'system' as const, id: 'artifact-store' },
  };
  const { events } = await commands.handle(artifactStream(id), artifactDecider, { type: 'ExpireArtifact' }, cause);
  return events.length;
};

const dueArtifacts = async (reads: ReadStore, now: string): Promise<ArtifactDoc[]> => {
  const { items } = await reads.query<ArtifactDoc>(COLLECTION.artifacts, { index: 'byExpiry', limit: BATCH });
  // RFC 3339 in UTC with milliseconds sorts as text.
  return items.filter(({ expiresAt }) => expiresAt !== undefined && expiresAt <= now);
};

const deleteBytes = async ({ readStore, objectStore, logger }: ExpiryPorts, due: ArtifactDoc[]): Promise<void> => {
  const unused = await bytesOnlyOf(due, new Set(due.map(({ id }) => id)), readStore, objectStore);
  if (!unused) {
    logger.warn({ artifacts: due.length }, 'the bytes of expired artifacts stay: a manifest that is in use is damaged');
    return;
  }
  for (const digest of unused) await objectStore.delete(digest);
};
