import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Global, Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  ArtifactCommitted,
  ArtifactExpired,
  ArtifactUploaded,
  AttemptFinished,
  CacheCommitted,
  CacheUploaded,
  JobFailed,
  serializeManifest,
  type NewEvent,
  type RecordedEvent,
  type TreeEntry,
} from '@foldline/contracts';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import {
  COMMANDS,
  Commands,
  defineProjection,
  PORT,
  when,
  type EventStore,
  type Logger,
  type LogStore,
  type ObjectStore,
  type ReadModels,
  type ReadStore,
} from '@foldline/kernel';
import { openFileLogStore } from '@foldline/log-store-files';
import { openFileObjectStore } from '@foldline/object-store-files';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { ManualClock } from '@foldline/testing';
import { ArtifactStoreEvents } from './artifact-store.events.ts';
import { ArtifactStoreModule } from './artifact-store.module.ts';

type Doc = { id: string; pipelineId: string; manifestDigest: string; status: string; expiresAt?: string };
const artifacts = defineProjection<Doc>(
  'artifacts',
  ({ status, expiresAt, id }): Record<string, string> =>
    status === 'available' && expiresAt !== undefined ? { byExpiry: `${expiresAt}/${id}` } : {},
  [
    when(
      ArtifactCommitted,
      (data) => data.artifactId,
      (_doc, { data }, id) => ({ ...data, id, status: 'available' }),
    ),
    when(
      ArtifactExpired,
      (data) => data.artifactId,
      (doc: Doc | undefined) => doc && { ...doc, status: 'expired' },
    ),
  ],
);
const caches = defineProjection<{ id: string; manifestDigest: string }>('caches', () => ({}), [
  when(
    CacheCommitted,
    (data) => data.cacheId,
    (_doc, { data }, id) => ({ id, manifestDigest: data.manifestDigest }),
  ),
]);

/** Read models that are brought up to date whenever somebody asks. */
class FoldedOnDemand implements ReadModels {
  private applied = 0;
  position(): number {
    return this.applied;
  }
  async reached(position: number): Promise<boolean> {
    for (const event of await store.readAll({ after: this.applied, limit: 1000 })) {
      for (const { collection, changes, indexes } of [artifacts, caches]) {
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

const warnings: string[] = [];
const quiet = (): void => undefined;
const tell = (_fields: object, message: string): void => void warnings.push(message);
const logger: Logger = { debug: quiet, info: quiet, warn: tell, error: tell };
const MINUTE = 60_000;

let directory: string;
let clock: ManualClock;
let store: EventStore;
let reads: ReadStore;
let objects: ObjectStore;
let logs: LogStore;
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
  ];
  @Global()
  @Module({ providers: ports, exports: ports.map(({ provide }) => provide) })
  class Ports {}
  @Module({ imports: [Ports, ArtifactStoreModule] })
  class Host {}
  app = await NestFactory.createApplicationContext(Host, { logger: false, abortOnError: false });
  await clock.sleeping(MINUTE);
};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-artifact-store-'));
  clock = new ManualClock();
  warnings.length = 0;
  store = await openEmbeddedEventStore({ directory: join(directory, 'events'), now: () => clock.now() });
  reads = await openEmbeddedReadStore({ directory: join(directory, 'reads') });
  objects = await openFileObjectStore({ directory: join(directory, 'objects') });
  logs = await openFileLogStore({ directory: join(directory, 'logs') });
  await start();
});
afterEach(async () => {
  await app.close();
  await reads.close();
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const events = (): ArtifactStoreEvents => app.get(ArtifactStoreEvents, { strict: false });
const recorded = <Type extends string, Data>(event: NewEvent<Type, Data>, id: string): RecordedEvent<Type, Data> => ({
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
const deliver = async (handle: (to: ArtifactStoreEvents) => Promise<void>): Promise<void> => {
  await handle(events());
  await handle(events());
  await app.close();
  await start();
  await handle(events());
};
const stored = async (): Promise<{ type: string; data: unknown }[]> =>
  (await store.readAll({ after: 0, limit: 100 })).map(({ type, data }) => ({ type, data }));

const attempt = { attemptId: 'p1.0.1', pipelineId: 'p1', jobId: 'p1.0', attempt: 1 };
const tree = async (
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
const artifact = ({ manifestDigest, files, bytes }: Tree, artifactId = 'a1', expireInSeconds?: number) => {
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
const cache = ({ manifestDigest, files, bytes }: Tree, cacheId = 'c1') =>
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
    `saved-${cacheId}`,
  );
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const write = (text: string) => logs.append('p1.0.1', { sequence: 0, offset: 0, bytes: Buffer.from(text) });
const finished = (log?: { bytes: number; sha256: string; frames: number }) =>
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

describe('an uploaded artifact', () => {
  it('is committed once, and expires from when it was recorded', async () => {
    const upload = artifact(await tree('one', 'two'), 'a1', 90);
    await deliver((to) => to.artifactUploaded(upload));
    const { attemptId: _attempt, expireInSeconds: _seconds, ...data } = upload.data;
    expect(await stored()).toEqual([
      { type: 'ArtifactCommitted', data: { ...data, expiresAt: '2030-01-01T00:01:30.000Z' } },
    ]);
  });

  it('never expires in the past because its time is beyond all dates', async () => {
    await events().artifactUploaded(artifact(await tree('one'), 'a1', Number.MAX_SAFE_INTEGER));
    expect((await stored())[0]!.data).toMatchObject({ expiresAt: '9999-12-31T23:59:59.999Z' });
  });

  it('is refused once when a file is missing, and stays refused', async () => {
    const { digests, ...uploaded } = await tree('one', 'two');
    await objects.delete(digests[1]!);
    await deliver((to) => to.artifactUploaded(artifact(uploaded)));
    await tree('one', 'two');
    await events().artifactUploaded(artifact(uploaded));
    expect(await stored()).toEqual([
      {
        type: 'ArtifactRefused',
        data: expect.objectContaining({ artifactId: 'a1', projectId: 'pr1', because: 'the file "f1" is missing' }),
      },
    ]);
  });
});

describe('an uploaded cache', () => {
  it('is committed once', async () => {
    await deliver(async (to) => to.cacheUploaded(cache(await tree('one'))));
    expect(await stored()).toMatchObject([
      { type: 'CacheCommitted', data: { cacheId: 'c1', jobId: 'p1.0', key: 'deps' } },
    ]);
  });

  it('is refused when its manifest is missing', async () => {
    await deliver((to) => to.cacheUploaded(cache({ manifestDigest: 'f'.repeat(64), files: 0, bytes: 0 })));
    expect(await stored()).toMatchObject([{ type: 'CacheRefused', data: { because: 'its manifest is missing' } }]);
  });
});

describe('a finished attempt', () => {
  it('has its log sealed once', async () => {
    await write('hello\n');
    await deliver((to) => to.attemptFinished(finished({ bytes: 6, sha256: sha256('hello\n'), frames: 1 })));
    expect(await stored()).toEqual([
      {
        type: 'LogSealed',
        data: {
          attemptId: 'p1.0.1',
          jobId: 'p1.0',
          pipelineId: 'p1',
          bytes: 6,
          sha256: sha256('hello\n'),
          complete: true,
        },
      },
    ]);
    expect((await logs.state('p1.0.1')).sealed).toBe(true);
  });

  it.each(['half a line', 'x'.repeat(3_000_000)])(
    'of a lost runner has its log sealed as far as it came',
    async (text) => {
      await write(text);
      await deliver((to) => to.attemptFinished(finished()));
      expect(await stored()).toMatchObject([
        { type: 'LogSealed', data: { bytes: text.length, sha256: sha256(text), complete: false } },
      ]);
    },
  );

  it('that wrote nothing has an empty log', async () => {
    await deliver((to) => to.attemptFinished(finished()));
    expect(await stored()).toMatchObject([
      { type: 'LogSealed', data: { bytes: 0, sha256: sha256(''), complete: false } },
    ]);
  });

  it('whose log is not what it claims keeps what there is', async () => {
    await write('hello\n');
    await deliver((to) => to.attemptFinished(finished({ bytes: 9, sha256: sha256('something'), frames: 2 })));
    expect(await stored()).toMatchObject([{ type: 'LogSealed', data: { bytes: 6, complete: false } }]);
  });

  it('takes no output any more once its runner is lost', async () => {
    await write('hello\n');
    const lost = (reason: 'runner_lost' | 'script_failure') =>
      recorded(JobFailed({ pipelineId: 'p1', jobId: 'p1.0', attempt: 1, reason, allowed: false, final: true }), reason);
    await deliver((to) => to.jobFailed(lost('script_failure')));
    expect(await stored()).toEqual([]);
    await deliver((to) => to.jobFailed(lost('runner_lost')));
    await logs.append('p1.0.1', { sequence: 1, offset: 6, bytes: Buffer.from('late') });
    await deliver((to) => to.attemptFinished(finished({ bytes: 10, sha256: sha256('hello\nlate'), frames: 2 })));
    expect(await stored()).toMatchObject([{ type: 'LogSealed', data: { bytes: 6, complete: false } }]);
  });
});

describe('expiry', () => {
  const minutePasses = async (minutes = 1): Promise<void> => {
    clock.advance(minutes * MINUTE);
    await clock.sleeping(MINUTE);
  };
  const kept = async (digest: string): Promise<boolean> => (await objects.stat(digest)) !== undefined;

  it('takes the bytes of an artifact whose time is over, and keeps the record', async () => {
    const due = await tree('one', 'two');
    await events().artifactUploaded(artifact(due, 'a1', 90));
    await minutePasses();
    expect(await kept(due.manifestDigest)).toBe(true);
    await minutePasses();
    expect((await stored()).map(({ type }) => type)).toEqual(['ArtifactCommitted', 'ArtifactExpired']);
    expect(await Promise.all([due.manifestDigest, ...due.digests].map(kept))).toEqual([false, false, false]);
    await minutePasses();
    expect(await stored()).toHaveLength(2);
  });

  it('keeps bytes that another artifact or a cache still names', async () => {
    const due = await tree('only here', 'in an artifact', 'in a cache');
    await events().artifactUploaded(artifact(due, 'a1', 30));
    await events().artifactUploaded(artifact(await tree('in an artifact'), 'a2'));
    await events().cacheUploaded(cache(await tree('in a cache')));
    await minutePasses();
    expect(await Promise.all(due.digests.map(kept))).toEqual([false, true, true]);
    expect((await stored()).map(({ type }) => type)).toContain('ArtifactExpired');
  });

  it('keeps everything of a twin that lives on', async () => {
    const due = await tree('one');
    await events().artifactUploaded(artifact(due, 'a1', 30));
    await events().artifactUploaded(artifact(due, 'a2'));
    await minutePasses();
    expect(await Promise.all([due.manifestDigest, ...due.digests].map(kept))).toEqual([true, true]);
  });

  it('deletes nothing while nobody can tell what another manifest names', async () => {
    const due = await tree('one');
    await events().artifactUploaded(artifact(due, 'a1', 30));
    const { digest: manifestDigest } = await objects.put(Buffer.from('no manifest'));
    await reads.apply('test', 1, [{ collection: 'caches', id: 'c9', doc: { id: 'c9', manifestDigest }, indexes: {} }]);
    await minutePasses();
    expect(await kept(due.digests[0]!)).toBe(true);
    expect((await stored()).map(({ type }) => type)).toContain('ArtifactExpired');
    expect(warnings).toEqual(['the bytes of expired artifacts stay: a manifest that is in use is damaged']);
  });

  it('goes on where a crash came between the bytes and the record', async () => {
    const due = await tree('one');
    await events().artifactUploaded(artifact(due, 'a1', 30));
    await objects.delete(due.manifestDigest);
    await minutePasses();
    expect((await stored()).map(({ type }) => type)).toEqual(['ArtifactCommitted', 'ArtifactExpired']);
  });
});
