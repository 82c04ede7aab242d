import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Global, Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ArtifactUploaded,
  AttemptFinished,
  CacheUploaded,
  JobFinishing,
  JobRetried,
  attemptStream,
  serializeManifest,
  type NewEvent,
  type RecordedEvent,
  type TreeEntry,
} from '@foldline/contracts';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import {
  COMMANDS,
  Commands,
  PORT,
  soleClaims,
  type EventStore,
  type Logger,
  type LogStore,
  type ObjectStore,
  type ReadModels,
  type ReadStore,
  type RetentionRules,
} from '@foldline/kernel';
import { openFileLogStore } from '@foldline/log-store-files';
import { openFileObjectStore } from '@foldline/object-store-files';
import { READ_MODELS } from '@foldline/read-models';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { ManualClock } from '@foldline/testing';
import { ArtifactStoreEvents } from './artifact-store.events.ts';
import { ArtifactStoreModule } from './artifact-store.module.ts';

/** Read models that are brought up to date whenever somebody asks. */
class FoldedOnDemand implements ReadModels {
  private applied = 0;
  position(): number {
    return this.applied;
  }
  async reached(position: number): Promise<boolean> {
    for (const event of await store.readAll({ after: this.applied, limit: 1000 })) {
      for (const { collection, changes, indexes } of READ_MODELS) {
        const change = changes.get(event.type);
        for (const id of change?.ids(event) ?? []) {
          const doc = change!.evolve(await reads.get(collection, id), event, id);
          await reads.apply('test', event.position, [{ collection, id, doc, indexes: doc ? indexes(doc) : {} }]);
        }
      }
      this.applied = event.position;
    }
    return position <= this.applied;
  }
}

export const warnings: string[] = [];
const quiet = (): void => undefined;
const tell = (_fields: object, message: string): void => void warnings.push(message);
const logger: Logger = { debug: quiet, info: (_fields, message) => void told.push(message), warn: tell, error: tell };
export const MINUTE = 60_000;
export const DAY = 24 * 60 * MINUTE;
const LOOK_MS = 30_000;
const RULES: RetentionRules = { cacheMs: 30 * DAY, snapshotMs: 7 * DAY, submittedLogMs: 7 * DAY, diskReserveBytes: 0 };
let rules = RULES;
export const told: string[] = [];

let directory: string;
export let clock: ManualClock;
let store: EventStore;
export let reads: ReadStore;
export let objects: ObjectStore;
export let logs: LogStore;
let app: INestApplicationContext;

const start = async (): Promise<void> => {
  const ports = [
    { provide: COMMANDS, useValue: new Commands(store, clock, 'artifact-store') },
    { provide: PORT.clock, useValue: clock },
    { provide: PORT.logger, useValue: logger },
    { provide: PORT.eventStore, useValue: store },
    { provide: PORT.readStore, useValue: reads },
    { provide: PORT.readModels, useValue: new FoldedOnDemand() },
    { provide: PORT.objectStore, useValue: objects },
    { provide: PORT.logStore, useValue: logs },
    { provide: PORT.claims, useValue: soleClaims() },
    { provide: PORT.settings, useValue: { mode: 'standalone', dataDirectory: directory, retention: rules } },
  ];
  @Global()
  @Module({ providers: ports, exports: ports.map(({ provide }) => provide) })
  class Ports {}
  @Module({ imports: [Ports, ArtifactStoreModule] })
  class Host {}
  app = await NestFactory.createApplicationContext(Host, { logger: false, abortOnError: false });
  await clock.sleeping(MINUTE);
  await clock.sleeping(LOOK_MS);
};

export const openStore = async (given: Partial<RetentionRules> = {}): Promise<void> => {
  rules = { ...RULES, ...given };
  told.length = 0;
  directory = mkdtempSync(join(tmpdir(), 'foldline-artifact-store-'));
  clock = new ManualClock();
  warnings.length = 0;
  store = await openEmbeddedEventStore({ directory: join(directory, 'events'), now: () => clock.now() });
  reads = await openEmbeddedReadStore({ directory: join(directory, 'reads') });
  objects = await openFileObjectStore({ directory: join(directory, 'objects') });
  logs = await openFileLogStore({ directory: join(directory, 'logs') });
  await start();
};
/** So many milliseconds later the next look at what is kept has ended. */
export const lookAfter = async (ms: number): Promise<void> => {
  clock.advance(Math.max(ms, LOOK_MS));
  await clock.sleeping(LOOK_MS);
};
/** What another service, or this one before, has stored. */
export const happened = async (stream: string, ...news: NewEvent[]): Promise<void> => {
  const { length } = await store.readStream(stream, 0);
  const about = { causationId: 'c', correlationId: stream, actor: { kind: 'system', id: 'spec' } } as const;
  await store.append(
    stream,
    news.map((event, n) => ({ ...event, id: `${stream} ${length + n}`, ...about })),
    length - 1,
  );
};
export const restart = async (): Promise<void> => {
  await app.close();
  await start();
};
export const closeStore = async (): Promise<void> => {
  await app.close();
  await reads.close();
  await store.close();
  rmSync(directory, { recursive: true, force: true });
};

export const events = (): ArtifactStoreEvents => app.get(ArtifactStoreEvents, { strict: false });
export const recorded = <Type extends string, Data>(
  event: NewEvent<Type, Data>,
  id: string,
): RecordedEvent<Type, Data> => ({
  ...event,
  id,
  stream: 'attempt-p1.0.1',
  revision: 0,
  position: 1,
  causationId: 'c',
  correlationId: 'p1',
  actor: { kind: 'runner', id: 'r1' },
  recordedAt: '2030-01-01T00:00:00.000Z',
});
/** Hands an event over twice, and a third time after a restart: what a bus may do to it. */
export const deliver = async (handle: (to: ArtifactStoreEvents) => Promise<void>): Promise<void> => {
  await handle(events());
  await handle(events());
  await restart();
  await handle(events());
};
/** What the artifact-store has said. */
export const stored = async (): Promise<{ type: string; data: unknown }[]> =>
  (await store.readAll({ after: 0, limit: 100 }))
    .filter(({ stream }) => stream !== attemptStream('p1.0.1'))
    .map(({ type, data }) => ({ type, data }));

const attempt = { attemptId: 'p1.0.1', pipelineId: 'p1', jobId: 'p1.0', attempt: 1 };
export const tree = async (
  ...contents: string[]
): Promise<{ manifestDigest: string; files: number; bytes: number; digests: string[] }> => {
  const entries: TreeEntry[] = [];
  const digests: string[] = [];
  for (const [n, content] of contents.entries()) {
    const { digest, bytes } = await objects.put(Buffer.from(content));
    entries.push({ kind: 'file', path: `f${n}`, mode: 0o644, size: bytes, digest });
    digests.push(digest);
  }
  const { digest: manifestDigest } = await objects.put(serializeManifest(entries));
  return { manifestDigest, files: contents.length, bytes: contents.join('').length, digests };
};
type Tree = Omit<Awaited<ReturnType<typeof tree>>, 'digests'>;
export const artifact = ({ manifestDigest, files, bytes }: Tree, artifactId = 'a1', expireInSeconds?: number) => {
  const data = {
    ...attempt,
    artifactId,
    projectId: 'pr1',
    name: 'build',
    kind: 'archive' as const,
    manifestDigest,
    files,
    bytes,
  };
  return recorded(
    ArtifactUploaded(expireInSeconds === undefined ? data : { ...data, expireInSeconds }),
    `uploaded-${artifactId}`,
  );
};
export const cache = ({ manifestDigest, files, bytes }: Tree, cacheId = 'c1', eventId = `saved-${cacheId}`) =>
  recorded(
    CacheUploaded({
      ...attempt,
      cacheId,
      projectId: 'pr1',
      scope: 'protected',
      key: 'deps',
      manifestDigest,
      files,
      bytes,
    }),
    eventId,
  );
type Upload = ReturnType<typeof artifact> | ReturnType<typeof cache>;
const idOf = ({ data }: Upload): string => ('artifactId' in data ? data.artifactId : data.cacheId);
/** The runner says what it has uploaded. */
export const say = async (...uploads: RecordedEvent[]): Promise<void> => {
  const before = await store.readStream(attemptStream('p1.0.1'), 0);
  const news = uploads.filter(({ id }) => before.every((event) => event.id !== id));
  if (news.length > 0) await store.append(attemptStream('p1.0.1'), news, before.length - 1);
};
export const finishing = (...uploads: Upload[]) =>
  recorded(
    JobFinishing({ pipelineId: 'p1', jobId: 'p1.0', attempt: 1, outcome: 'success', awaiting: uploads.map(idOf) }),
    `finishing with ${uploads.map(idOf).join()}`,
  );
/** The runner says what it has uploaded, and the pipeline waits for that. */
export const awaited = async (...uploads: Upload[]): Promise<void> => {
  await say(...uploads);
  await events().jobFinishing(finishing(...uploads));
};
export const retried = (by: 'runner_lost' | 'not_started' | 'policy') =>
  recorded(JobRetried({ pipelineId: 'p1', jobId: 'p1.0', attempt: 2, by }), `retried by ${by}`);
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
export const write = (text: string) => logs.append('p1.0.1', { sequence: 0, offset: 0, bytes: Buffer.from(text) });
export const finished = (log?: { bytes: number; sha256: string; frames: number }) =>
  recorded(
    AttemptFinished({
      ...attempt,
      runnerId: 'r1',
      outcome: 'success',
      durationMs: 1,
      commits: [],
      ...(log && { log }),
    }),
    'finished-1',
  );
