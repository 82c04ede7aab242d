import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  COLLECTION,
  snapshotIndexKey,
  type CacheSpec,
  type PlannedStep,
  type Resume,
  type SnapshotDoc,
  type SnapshotTaken,
} from '@foldline/contracts';
import { systemClock } from '@foldline/host';
import type { ObjectStore, ReadStore } from '@foldline/kernel';
import { openFileObjectStore } from '@foldline/object-store-files';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { plannedJob, sampleContext } from '@foldline/testing';
import type { AttemptFact } from '../execution/attempt.decider.ts';
import type { JobScene } from '../execution/job-scene.ts';
import { layersOf, openLayers, seen, write } from '../layers/layers.fixture.ts';
import type { TreeLayers } from '../layers/tree-layers.ts';
import type { WorkspaceLayers } from '../layers/workspace-layers.ts';
import type { JobCache } from './job-caches.ts';
import { resumeFrom, snapshotFor, takeSnapshot, takesSnapshots } from './job-snapshots.ts';

let directory: string;
let objects: ObjectStore;
let reads: ReadStore;
let layers: TreeLayers;
const workspaces: WorkspaceLayers[] = [];
let position = 0;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-snapshots-'));
  objects = await openFileObjectStore({ directory: join(directory, 'objects') });
  reads = await openEmbeddedReadStore({ directory: join(directory, 'reads') });
  layers = openLayers(directory, { mounts: false });
});
afterEach(async () => {
  await Promise.all(workspaces.splice(0).map((workspace) => workspace.close()));
  await layers.close();
  await reads.close();
  rmSync(directory, { recursive: true, force: true });
});

const command = (name: string): PlannedStep => ({ kind: 'run', name, command: 'true', environment: {} });
const THREE = ['one', 'two', 'three'].map(command);

type Attempt = { scene: JobScene; workspace: string; facts: AttemptFact[]; lines: string[] };
type Asked = { resume?: Resume; steps?: PlannedStep[]; jobId?: string };

/** An attempt of a job with three commands, in a checkout. */
const attempt = (number: number, { resume, steps = THREE, jobId = 'p1.0' }: Asked = {}): Attempt => {
  const workspace = join(directory, `workspace-${workspaces.length}`);
  mkdirSync(workspace);
  write(workspace, 'README.md', 'read me');
  const own = layersOf(layers, workspace);
  workspaces.push(own);
  const facts: AttemptFact[] = [];
  const lines: string[] = [];
  const about = { attemptId: `${jobId}.${number}`, pipelineId: 'p1', jobId, attempt: number };
  const scene: JobScene = {
    assignment: {
      ...about,
      runnerId: 'one',
      cluster: { id: 'c1', power: 'high-power' },
      job: plannedJob(0, 'build', { steps }),
      context: sampleContext,
      pipelineVariables: {},
      artifactJobs: [],
      because: { rule: 'cluster', detail: 'free', jobs: [] },
      ...(resume && { resume }),
    },
    about,
    platformOf: async (tool) => tool,
    workspace,
    scratch: workspace,
    layers: own,
    variables: {},
    variablesWith: (more) => ({ ...more }),
    hide: (text) => text,
    tell: (line) => void lines.push(line),
    warn: (line) => void lines.push(`WARNING ${line}`),
    record: (fact) => void facts.push(fact),
    markLog: () => 0,
    committing: (_id, fact) => void facts.push(fact),
  };
  return { scene, workspace, facts, lines };
};

const SPEC: CacheSpec = {
  key: { text: 'deps' },
  paths: ['deps/'],
  policy: 'pull-push',
  fallbackKeys: [],
  when: 'on_success',
};

/** What the read models make of a snapshot. */
const shown = async ({ facts }: Attempt, more: Partial<SnapshotDoc> = {}): Promise<SnapshotDoc> => {
  const fact = facts.findLast(({ type }) => type === 'SnapshotTaken') as ReturnType<typeof SnapshotTaken>;
  const { attemptId, durationMs: _durationMs, ...data } = fact.data;
  const id = `${attemptId}/${data.step}`;
  const doc: SnapshotDoc = { id, ...data, takenAt: '2030-01-01T00:00:00.000Z', ...more };
  const indexes = { byJob: snapshotIndexKey(doc.jobId, doc.attempt, doc.step) };
  await reads.apply('spec', (position += 1), [{ collection: COLLECTION.snapshots, id, doc, indexes }]);
  return doc;
};
/** Carries out steps up to one, each of which writes a file, and keeps what they have made. */
const carriedOut = async (on: Attempt, upTo: number, caches: JobCache[] = []): Promise<SnapshotDoc> => {
  await on.scene.layers.restore(
    caches.flatMap(({ restored }) => restored ?? []),
    objects,
    {},
  );
  let last: SnapshotDoc | undefined;
  for (let step = 0; step <= upTo; step += 1) {
    write(on.workspace, `made/${step}`);
    await takeSnapshot(step, caches, on.scene, { objects, clock: systemClock });
    last = await shown(on);
  }
  return last!;
};
const found = async (number: number, resume: Resume | undefined = {}): Promise<string | undefined> =>
  (await snapshotFor(attempt(number, { resume }).scene, reads))?.id;

describe('What an attempt goes on from', () => {
  it('is nothing unless it is to go on', async () => {
    await carriedOut(attempt(1), 1);
    expect(await snapshotFor(attempt(2).scene, reads)).toBeUndefined();
  });

  it('is the last state of the newest earlier attempt that has kept any', async () => {
    await carriedOut(attempt(1), 1);
    await carriedOut(attempt(2), 0);
    await carriedOut(attempt(9, { jobId: 'p1.1' }), 1);
    expect([await found(2), await found(3), await found(7)]).toEqual(['p1.0.1/1', 'p1.0.2/0', 'p1.0.2/0']);
  });

  it('is never a state behind the step that is to be carried out', async () => {
    await carriedOut(attempt(1), 2);
    expect([await found(2, { before: 2 }), await found(2, { before: 0 })]).toEqual(['p1.0.1/1', undefined]);
  });

  it('is told when it is not the state before the step that was asked for', async () => {
    await carriedOut(attempt(1), 0);
    const told = async (resume: Resume): Promise<string[]> => {
      const next = attempt(2, { resume });
      await snapshotFor(next.scene, reads);
      return next.lines;
    };
    expect(await told({ before: 2 })).toEqual([
      'WARNING of the step "two" nothing was kept, so steps before "three" are carried out again',
    ]);
    expect([await told({ before: 1 }), await told({ before: 0 }), await told({})]).toEqual([[], [], []]);
  });

  it('is nothing of its own or of later attempts', async () => {
    await carriedOut(attempt(2), 0);
    expect([await found(1), await found(2)]).toEqual([undefined, undefined]);
  });

  it('is kept for jobs of several commands', () => {
    expect(takesSnapshots(attempt(1).scene)).toBe(true);
    expect(takesSnapshots(attempt(1, { steps: [command('only')] }).scene)).toBe(false);
  });
});

describe('Going on', () => {
  const saved = async (text: string): Promise<JobCache> => {
    const from = attempt(1);
    write(from.workspace, 'deps/file', text);
    const { manifestDigest, layers: images } = await from.scene.layers.save(['deps/'], undefined, objects);
    return { spec: SPEC, fits: '', key: 'deps', restored: { manifestDigest, layers: images } };
  };

  it('restores what the steps have made, and the caches as they were then', async () => {
    const then = await saved('then');
    const first = attempt(1);
    const doc = await carriedOut(first, 1, [then]);
    const next = attempt(2);
    const caches = [await saved('now')];

    expect(await resumeFrom(doc, caches, next.scene, objects)).toBe(true);
    expect(seen(next.workspace)).toEqual(seen(first.workspace));
    expect(caches[0]!.restored?.manifestDigest).toBe(then.restored!.manifestDigest);
    expect(next.facts).toMatchObject([{ type: 'AttemptResumed', data: { attempt: 2, from: 1, step: 1 } }]);
    expect(next.lines).toEqual(['Going on behind the step "two" of attempt 1']);
  });

  it.each<[string, (doc: SnapshotDoc) => string]>([
    ['the list of what differs', ({ manifestDigest }) => manifestDigest!],
    ['what differs', ({ layers: images }) => images![0]!.digest],
    ['a cache below', ({ trees }) => trees[0]!.layers[0]!.digest],
  ])('comes to nothing, and leaves nothing behind, when the bytes of %s are gone', async (_what, digestOf) => {
    const cache = await saved('then');
    const doc = await carriedOut(attempt(1), 1, [cache]);
    await layers.close();
    layers = openLayers(join(directory, 'another-host'), { mounts: false });
    await objects.delete(digestOf(doc));
    const next = attempt(2);

    expect(await resumeFrom(doc, [], next.scene, objects)).toBe(false);
    expect(seen(next.workspace)).toEqual(seen(attempt(3).workspace));
    expect(next.facts).toEqual([]);
    expect(next.lines).toEqual([
      expect.stringMatching(/^WARNING what attempt 1 had kept is not there any more .* all steps are carried out$/),
    ]);
  });

  it('comes to nothing when what was kept was pruned, though its bytes are there still', async () => {
    const first = attempt(1);
    await carriedOut(first, 0);
    const doc = await shown(first, { prunedAt: '2030-01-08T00:00:00.000Z' });
    const next = attempt(2, { resume: {} });

    expect((await snapshotFor(next.scene, reads))?.id).toBe(doc.id);
    expect(await resumeFrom(doc, [], next.scene, objects)).toBe(false);
    expect(next.lines[0]).toContain('it was pruned at 2030-01-08');
  });
});
