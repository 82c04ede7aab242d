import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { COLLECTION, artifactIndexKey, type ArtifactDoc, type CacheSpec, type PlannedJob } from '@foldline/contracts';
import { Slots, TransientError, type Executor, type ObjectStore, type ReadStore } from '@foldline/kernel';
import { openFileObjectStore } from '@foldline/object-store-files';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { ManualClock, plannedJob, sampleContext } from '@foldline/testing';
import { packTree } from '../trees/pack-tree.ts';
import type { AttemptFact } from './attempt.decider.ts';
import { layersIn } from '../layers/layers.fixture.ts';
import { JobRun } from './run-job.ts';
import type { StopReason } from './stop-reason.ts';
import { ScriptedImages } from './scripted-images.fixture.ts';

const TIMEOUT_S = 60;
const MINUTE_MS = 60_000;
const CACHE: CacheSpec = { key: { text: 'k' }, paths: ['in'], policy: 'pull-push', fallbackKeys: [], when: 'always' };
const ARTIFACTS: PlannedJob['artifacts'] = {
  paths: ['out'],
  exclude: [],
  reports: [],
  when: 'always',
  neverExpires: true,
};

/** Time passes for whoever waits for a store, in steps of at most 30 s, when the test says so; other sleeps go on. */
class OutageClock extends ManualClock {
  /** Called at each pause of a wait. */
  onPause: () => void = () => undefined;

  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms > 30_000) return super.sleep(ms, signal);
    this.onPause();
    if (!signal?.aborted) this.advance(ms);
  }
}

let directory: string;
let objects: ObjectStore;
let reads: ReadStore;
let clock: OutageClock;
let facts: AttemptFact[];
let told: string[];
let exitCode: number;
let scripts: number;
let isDown: boolean;

const down = new TransientError('S3: could not read an object (ECONNRESET)');

/** The store, which answers nobody while it is down. */
const struck = <Store extends object>(store: Store): Store =>
  new Proxy(store, {
    get: (target, name) => {
      const found: unknown = Reflect.get(target, name);
      if (typeof found !== 'function') return found;
      return (...given: unknown[]): unknown => (isDown ? Promise.reject(down) : found.apply(target, given));
    },
  });

const executor: Executor = {
  kinds: async () => ['process'],
  close: async () => undefined,
  kindOf: () => 'process',
  open: async () => ({
    start: async () => {
      scripts += 1;
      return { finished: Promise.resolve({ exitCode }), stop: () => undefined };
    },
    lend: async (work) => void (await work()),
    close: async () => undefined,
  }),
  sweep: async () => ({ killed: 0 }),
};

const nothing = async (): Promise<void> => undefined;

const runOf = (job: Partial<PlannedJob> = {}, artifactJobs: string[] = []): JobRun =>
  new JobRun(
    {
      assignment: {
        pipelineId: 'p1',
        jobId: 'p1.0',
        attempt: 1,
        runnerId: 'one',
        cluster: { id: 'c1', power: 'high-power' },
        job: plannedJob(0, 'build', {
          steps: [{ name: 'script', kind: 'shell', commands: ['make'] }],
          timeoutSeconds: TIMEOUT_S,
          ...job,
        }),
        context: sampleContext,
        pipelineVariables: {},
        artifactJobs,
        because: { rule: 'cluster', detail: 'free', jobs: [] },
      },
      about: { attemptId: 'p1.0.1', pipelineId: 'p1', jobId: 'p1.0', attempt: 1 },
      workspace: join(directory, 'workspace'),
      scratch: directory,
      layers: layersIn(directory),
      platformOf: async (tool) => tool,
      variables: {},
      variablesWith: (more) => ({ ...more }),
      hide: (text) => text,
      tell: (line) => told.push(line),
      warn: (line) => told.push(`WARNING: ${line}`),
      record: (fact) => facts.push(fact),
      markLog: () => 0,
      committing: (_id, fact) => facts.push(fact),
    },
    async () => undefined,
    {
      executor,
      images: new ScriptedImages(),
      turns: new Slots(1),
      reads: struck(reads),
      objects: struck(objects),
      clock,
      preparation: { emptyWorkspace: nothing, checkOut: nothing, inputsShown: nothing },
    },
  );

/** An artifact of an earlier job with 40 files. */
const artifactOf = async (jobId: string): Promise<void> => {
  const root = join(directory, 'earlier');
  mkdirSync(join(root, 'in'), { recursive: true });
  for (let n = 0; n < 40; n += 1) writeFileSync(join(root, 'in', `${n}.txt`), `file ${n}`);
  const { manifestDigest, files, bytes } = await packTree({ root, paths: ['in'], exclude: [], objects });
  const about = { id: 'a1', jobId, pipelineId: 'p1', projectId: 'p', attempt: 1, name: 'all', kind: 'archive' };
  const doc = { ...about, status: 'available', manifestDigest, files, bytes, committedAt: clock.now() } as ArtifactDoc;
  const indexes = { byJob: artifactIndexKey(jobId, 'a1') };
  await reads.apply('test', 1, [{ collection: COLLECTION.artifacts, id: 'a1', doc, indexes }]);
};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-outage-'));
  mkdirSync(join(directory, 'workspace', 'out'), { recursive: true });
  writeFileSync(join(directory, 'workspace', 'out', 'made'), 'made');
  objects = await openFileObjectStore({ directory: join(directory, 'objects') });
  reads = await openEmbeddedReadStore({ directory: join(directory, 'reads') });
  clock = new OutageClock();
  [facts, told, exitCode, scripts, isDown] = [[], [], 0, 0, false];
  await artifactOf('p1.9');
});
afterEach(async () => {
  await reads.close();
  rmSync(directory, { recursive: true, force: true });
});

/** The stores are down from now on, until somebody has waited for them for so long; for good where nothing is said. */
const outage = (ms = Infinity): void => {
  isDown = true;
  const end = clock.monotonic() + ms;
  clock.onPause = () => {
    if (clock.monotonic() >= end) isDown = false;
  };
};

describe('a job whose stores do not answer', () => {
  it('waits for its inputs, says so, and then runs in the time that it was given', async () => {
    outage(20 * MINUTE_MS);
    expect(await runOf({ cache: [CACHE] }, ['p1.9']).run()).toEqual({ outcome: 'success', exitCode: 0 });

    expect(scripts).toBe(1);
    expect(readFileSync(join(directory, 'workspace/in/39.txt'), 'utf8')).toBe('file 39');
    expect(told[0]).toBe(`WARNING: the read store does not answer; waiting up to 30 minutes (${down.message})`);
    expect(told[1]).toMatch(/^After 1[12]\d\d s the read store answers again$/);
    expect(told.filter((line) => line.includes('answer'))).toHaveLength(2);
    expect(facts.filter(({ type }) => type === 'CacheRestored')).toHaveLength(1);
  });

  it('says once that many files wait, and goes on with those that are missing', async () => {
    const copied: string[] = [];
    const copy = objects.copyToFile.bind(objects);
    objects.copyToFile = async (digest, path, mode) => {
      if (copied.length >= 16 && clock.monotonic() === 0) outage(MINUTE_MS);
      if (isDown) throw down;
      await copy(digest, path, mode);
      copied.push(path);
    };
    expect(await runOf({}, ['p1.9']).run()).toMatchObject({ outcome: 'success' });

    expect(new Set(copied).size).toBe(40);
    expect(copied).toHaveLength(40);
    expect(told.filter((line) => line.includes('does not answer'))).toHaveLength(1);
    expect(told.filter((line) => line.includes('answers again'))).toHaveLength(1);
  });

  it('fails after half an hour as one that could not be given its inputs', async () => {
    outage();
    const result = await runOf({}, ['p1.9']).run();

    expect(result).toMatchObject({ outcome: 'failed', reason: 'artifact_download_failure' });
    expect(result.detail).toMatch(/^the read store did not answer for 30 minutes/);
    expect(clock.monotonic()).toBe(30 * MINUTE_MS);
    expect(scripts).toBe(0);
  });

  it('keeps what it made when they answer again', async () => {
    const run = runOf({ artifacts: ARTIFACTS });
    outage(5 * MINUTE_MS);
    expect(await run.run()).toEqual({ outcome: 'success', exitCode: 0 });
    expect(facts.filter(({ type }) => type === 'ArtifactUploaded')).toHaveLength(1);
  });

  it('fails after half an hour as one whose artifacts could not be kept', async () => {
    outage();
    const result = await runOf({ artifacts: ARTIFACTS }).run();

    expect(result).toMatchObject({ outcome: 'failed', reason: 'artifact_upload_failure' });
    expect(result.detail).toMatch(/^the object store did not answer for 30 minutes/);
  });

  it('stays failed as its script failed, and says what was lost besides', async () => {
    exitCode = 3;
    outage();
    const result = await runOf({ artifacts: ARTIFACTS }).run();

    expect(result).toMatchObject({ outcome: 'failed', reason: 'script_failure', exitCode: 3 });
    expect(told.at(-1)).toMatch(/^WARNING: the object store did not answer for 30 minutes/);
  });

  it.each<[StopReason, string, object]>([
    ['cancelled', 'inputs', { outcome: 'cancelled' }],
    ['lease_lost', 'inputs', { outcome: 'lost', reason: 'runner_lost' }],
    ['shutdown', 'inputs', { outcome: 'lost', reason: 'runner_lost' }],
    ['timed_out', 'inputs', { outcome: 'timed_out' }],
    ['cancelled', 'results', { outcome: 'cancelled' }],
    ['lease_lost', 'results', { outcome: 'lost', reason: 'runner_lost' }],
    ['shutdown', 'results', { outcome: 'lost', reason: 'runner_lost' }],
  ])('does not wait any longer when it is stopped (%s) while it waits for its %s', async (reason, use, end) => {
    const run = use === 'inputs' ? runOf({}, ['p1.9']) : runOf({ artifacts: ARTIFACTS });
    isDown = true;
    clock.onPause = () => run.stop(reason);

    expect(await run.run()).toMatchObject(end);
    expect(clock.monotonic()).toBe(0);
    expect(told.filter((line) => line.includes('answers again'))).toEqual([]);
  });
});
