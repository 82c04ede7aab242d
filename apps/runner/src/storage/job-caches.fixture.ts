import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import { COLLECTION, cacheIndexKey, type CacheDoc, type CacheSpec, type CacheUploaded } from '@foldline/contracts';
import type { ObjectStore, ReadStore } from '@foldline/kernel';
import { openFileObjectStore } from '@foldline/object-store-files';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { plannedJob, sampleContext } from '@foldline/testing';
import { textMasker } from '../masking/secret-masker.ts';
import type { AttemptFact } from '../execution/attempt.decider.ts';
import type { JobScene } from '../execution/job-scene.ts';
import { layersOf, openLayers } from '../layers/layers.fixture.ts';
import type { TreeLayers } from '../layers/tree-layers.ts';
import type { WorkspaceLayers } from '../layers/workspace-layers.ts';
import { findCaches, restoreCaches, saveCaches } from './job-caches.ts';

export let directory: string;
let objects: ObjectStore;
export let reads: ReadStore;
let layers: TreeLayers;
const workspaces: WorkspaceLayers[] = [];
let mounts = false;
let position = 0;

/** Stores and a workspace for each test; `mayMount` is asked before the first. */
export const prepareCaches = (mayMount: boolean): void => {
  beforeEach(() => {
    mounts = mayMount;
  });
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-caches-'));
    objects = await openFileObjectStore({ directory: join(directory, 'objects') });
    reads = await openEmbeddedReadStore({ directory: join(directory, 'reads') });
    layers = openLayers(directory, { mounts });
  });
  afterEach(async () => {
    await Promise.all(workspaces.splice(0).map((workspace) => workspace.close()));
    await layers.close();
    await reads.close();
    rmSync(directory, { recursive: true, force: true });
  });
};

export type Job = {
  scene: JobScene;
  facts: AttemptFact[];
  lines: string[];
  /** Restores, works, saves, and makes visible what was saved, as the artifact-store does. */
  run: (work?: () => void, succeeded?: boolean) => Promise<void>;
  write: (path: string, text: string) => void;
  file: (path: string) => string | undefined;
};
export type Surroundings = {
  platform?: string;
  protected?: boolean;
  project?: string;
  variables?: Record<string, string>;
  secrets?: string[];
};

let jobs = 0;
export const jobWith = (cache: Partial<CacheSpec>, around: Surroundings = {}): Job => {
  const workspace = join(directory, `workspace-${(jobs += 1)}`);
  mkdirSync(workspace);
  const ownLayers = layersOf(layers, workspace);
  workspaces.push(ownLayers);
  const spec: CacheSpec = {
    key: { text: 'deps' },
    paths: ['node_modules/'],
    policy: 'pull-push',
    fallbackKeys: [],
    when: 'on_success',
    ...cache,
  };
  const facts: AttemptFact[] = [];
  const lines: string[] = [];
  const scene: JobScene = {
    assignment: {
      pipelineId: 'p1',
      jobId: 'p1.0',
      attempt: 1,
      runnerId: 'one',
      cluster: { id: 'c1', power: 'high-power' },
      job: plannedJob(0, 'build', { cache: [spec] }),
      context: {
        ...sampleContext,
        project: { ...sampleContext.project, id: around.project ?? 'pr1' },
        ref: { ...sampleContext.ref, protected: around.protected ?? false },
      },
      pipelineVariables: {},
      artifactJobs: [],
      because: { rule: 'cluster', detail: 'free', jobs: [] },
    },
    about: { attemptId: 'p1.0.1', pipelineId: 'p1', jobId: 'p1.0', attempt: 1 },
    workspace,
    scratch: workspace,
    layers: ownLayers,
    platformOf: async (tool) => around.platform ?? `linux/amd64-${tool}1.0`,
    variables: around.variables ?? {},
    variablesWith: (more) => ({ ...around.variables, ...more }),
    hide: textMasker(around.secrets ?? []),
    tell: (line) => lines.push(line),
    warn: (line) => lines.push(`WARNING ${line}`),
    record: (fact) => facts.push(fact),
    markLog: () => 0,
    committing: (_id, fact) => facts.push(fact),
  };
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(workspace, path)), { recursive: true });
    writeFileSync(join(workspace, path), text);
  };
  return {
    scene,
    facts,
    lines,
    write,
    file: (path) => (existsSync(join(workspace, path)) ? readFileSync(join(workspace, path), 'utf8') : undefined),
    run: async (work = () => undefined, succeeded = true) => {
      const caches = await findCaches(scene, reads);
      await restoreCaches(caches, scene, objects);
      work();
      await saveCaches(caches, scene, reads, objects, succeeded);
      for (const fact of facts) if (fact.type === 'CacheUploaded') await commit(fact.data);
    },
  };
};

const commit = async (data: ReturnType<typeof CacheUploaded>['data']): Promise<void> => {
  const { cacheId: id, attemptId: _attemptId, attempt: _attempt, pipelineId: _pipelineId, ...rest } = data;
  position += 1;
  const committedAt = new Date(Date.UTC(2030, 0, 1, 0, position)).toISOString();
  const doc: CacheDoc = { id, ...rest, committedAt, lastUsedAt: committedAt };
  const indexes = { byKey: `${cacheIndexKey(rest.projectId, rest.scope, rest.key)}/${id}` };
  await reads.apply('storage', position, [{ collection: COLLECTION.caches, id, doc, indexes }]);
};
/** A job that saves this text under this key. */
export const saved = async (key: string, text: string, around: Surroundings = {}): Promise<Job> => {
  const job = jobWith({ key: { text: key } }, around);
  await job.run(() => job.write('node_modules/which', text));
  return job;
};
/** What a job with these keys finds, and how it is told. */
export const restored = async (
  cache: Partial<CacheSpec>,
  around: Surroundings = {},
): Promise<[string | undefined, unknown]> => {
  const job = jobWith({ policy: 'pull', ...cache }, around);
  await job.run();
  const [fact] = job.facts;
  return [job.file('node_modules/which'), fact?.type === 'CacheRestored' ? fact.data.result : fact?.type];
};
