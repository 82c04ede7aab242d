import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { COLLECTION, cacheIndexKey, type CacheDoc, type CacheSpec, type CacheUploaded } from '@foldline/contracts';
import type { ObjectStore, ReadStore } from '@foldline/kernel';
import { openFileObjectStore } from '@foldline/object-store-files';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { absent, plannedJob, sampleContext } from '@foldline/testing';
import { textMasker } from '../masking/secret-masker.ts';
import type { AttemptFact } from '../execution/attempt.decider.ts';
import type { JobScene } from '../execution/job-scene.ts';
import { layersOf, openLayers } from '../layers/layers.fixture.ts';
import type { TreeLayers } from '../layers/tree-layers.ts';
import type { WorkspaceLayers } from '../layers/workspace-layers.ts';
import { findCaches, restoreCaches, saveCaches } from './job-caches.ts';

let directory: string;
let objects: ObjectStore;
let reads: ReadStore;
let layers: TreeLayers;
const workspaces: WorkspaceLayers[] = [];
let mounts = false;
let position = 0;

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

type Job = {
  scene: JobScene;
  facts: AttemptFact[];
  lines: string[];
  /** Restores, works, saves, and makes visible what was saved, as the artifact-store does. */
  run: (work?: () => void, succeeded?: boolean) => Promise<void>;
  write: (path: string, text: string) => void;
  file: (path: string) => string | undefined;
};
type Surroundings = { protected?: boolean; project?: string; variables?: Record<string, string>; secrets?: string[] };

let jobs = 0;
const jobWith = (cache: Partial<CacheSpec>, around: Surroundings = {}): Job => {
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
const saved = async (key: string, text: string, around: Surroundings = {}): Promise<Job> => {
  const job = jobWith({ key: { text: key } }, around);
  await job.run(() => job.write('node_modules/which', text));
  return job;
};
/** What a job with these keys finds, and how it is told. */
const restored = async (
  cache: Partial<CacheSpec>,
  around: Surroundings = {},
): Promise<[string | undefined, unknown]> => {
  const job = jobWith({ policy: 'pull', ...cache }, around);
  await job.run();
  const [fact] = job.facts;
  return [job.file('node_modules/which'), fact?.type === 'CacheRestored' ? fact.data.result : fact?.type];
};

const suite = (): void => {
  it('misses when nobody has saved it', async () => {
    expect(await restored({})).toEqual([undefined, 'miss']);
  });

  it('comes back under its key', async () => {
    await saved('deps', 'saved');

    expect(await restored({})).toEqual(['saved', 'hit']);
  });

  it('is without the repository’s history, which holds its credentials, when it is everything', async () => {
    const job = jobWith({ paths: ['**'] });
    await job.run(() => {
      job.write('.git/config', 'token');
      job.write('a', 'a');
    });

    expect(job.facts.at(-1)).toMatchObject({ type: 'CacheUploaded', data: { files: 1, bytes: 1 } });
  });

  it('is told with its size', async () => {
    const job = await saved('deps', 'saved');

    expect(job.facts).toMatchObject([
      { type: 'CacheRestored', data: { key: 'deps', result: 'miss', files: 0, bytes: 0 } },
      { type: 'CacheUploaded', data: { key: 'deps', scope: 'unprotected', files: 1, bytes: 5 } },
    ]);
    expect(job.lines).toEqual(['No cache for deps', 'Saved cache deps: 1 files, 5 bytes']);
  });

  it('has the variables of the job in its key and its paths', async () => {
    const variables = { CI_COMMIT_REF_SLUG: 'main', DIR: 'node_modules' };
    const job = jobWith({ key: { text: '${CI_COMMIT_REF_SLUG}-deps' }, paths: ['$DIR/'] }, { variables });
    await job.run(() => job.write('node_modules/which', 'main'));

    expect(await restored({ key: { text: 'main-deps' } })).toEqual(['main', 'hit']);
  });

  it('is called default when its key comes to nothing', async () => {
    await saved('$NOTHING', 'saved');

    expect(await restored({ key: { text: 'default' } })).toEqual(['saved', 'hit']);
  });

  it('shows no secret in its key', async () => {
    const job = await saved('deps-$TOKEN', 'x', { variables: { TOKEN: 'hunter2-long' }, secrets: ['hunter2-long'] });

    expect(JSON.stringify([job.facts, job.lines])).not.toContain('hunter2');
  });

  it.each([
    ['a/./b', 'a/b'],
    ['a//b', 'a/b'],
    ['a%2fb', 'a/b'],
    ['main-protected', 'main'],
    ['Main', 'main'],
    ['caf\u00E9', 'cafe\u0301'],
    ['../deps', 'deps'],
  ])('called %j is not the one called %j', async (one, other) => {
    await saved(one, 'one');

    expect(await restored({ key: { text: other } })).toEqual([undefined, 'miss']);
    expect(await restored({ key: { text: one } })).toEqual(['one', 'hit']);
  });

  describe('that misses its key', () => {
    it('comes from the first fallback key there is', async () => {
      await saved('second', '2');
      await saved('third', '3');

      const fallbackKeys = ['first', 'second', 'third'];
      expect(await restored({ key: { text: 'none' }, fallbackKeys })).toEqual(['2', 'fallback']);
    });

    it('comes from the newest key that a fallback ending in a hyphen begins', async () => {
      await saved('main-b', 'older');
      await saved('main-a', 'newest');
      await saved('mainline', 'other');

      expect(await restored({ key: { text: 'none' }, fallbackKeys: ['main-'] })).toEqual(['newest', 'fallback']);
    });

    it('does not take a plain fallback key for a beginning', async () => {
      await saved('main-a', 'x');

      expect(await restored({ key: { text: 'none' }, fallbackKeys: ['main'] })).toEqual([undefined, 'miss']);
    });

    it('prefers its own key to all of them', async () => {
      await saved('own', 'own');
      await saved('main-a', 'x');

      expect(await restored({ key: { text: 'own' }, fallbackKeys: ['main-'] })).toEqual(['own', 'hit']);
    });

    it('is saved under its own key, also when it holds what came from another', async () => {
      await saved('main-a', 'x');
      const job = jobWith({ key: { text: 'own' }, fallbackKeys: ['main-'] });
      await job.run();

      expect(job.facts.map(({ type }) => type)).toEqual(['CacheRestored', 'CacheUploaded']);
    });
  });

  it.each([
    ['unprotected refs from protected ones', true, false],
    ['protected refs from unprotected ones', false, true],
  ])('never comes to %s, by any key', async (_what, savedBy, wantedBy) => {
    await saved('deps', 'poison', { protected: savedBy });
    await saved('deps-1', 'poison', { protected: savedBy });

    const cache = { key: { text: 'deps' }, fallbackKeys: ['deps-1', 'deps-', '-'] };
    expect(await restored(cache, { protected: wantedBy })).toEqual([undefined, 'miss']);
    expect(await restored(cache, { protected: savedBy })).toEqual(['poison', 'hit']);
  });

  it('never comes to another project, by any key', async () => {
    await saved('deps', 'poison', { project: 'pr1' });

    const cache = { key: { text: 'deps' }, fallbackKeys: ['deps', 'd-', '../pr1/unprotected/d-'] };
    expect(await restored(cache, { project: 'pr2' })).toEqual([undefined, 'miss']);
  });

  describe('is saved', () => {
    const saves = async (cache: Partial<CacheSpec>, succeeded: boolean): Promise<string[]> => {
      const job = jobWith(cache);
      await job.run(() => job.write('node_modules/x', 'x'), succeeded);
      return job.facts.map(({ type }) => type);
    };

    it.each([
      ['pull-push', ['CacheRestored', 'CacheUploaded']],
      ['push', ['CacheUploaded']],
      ['pull', ['CacheRestored']],
    ] as const)('and restored as the policy %s says', async (policy, facts) => {
      expect(await saves({ policy }, true)).toEqual(facts);
    });

    it.each([
      ['on_success', true, true],
      ['on_success', false, false],
      ['on_failure', true, false],
      ['on_failure', false, true],
      ['always', true, true],
      ['always', false, true],
    ] as const)('with when: %s and a success that is %s: %s', async (when, succeeded, expected) => {
      expect((await saves({ when }, succeeded)).includes('CacheUploaded')).toBe(expected);
    });

    it('not, when it holds just what is there under its key', async () => {
      await saved('deps', 'same');
      const job = await saved('deps', 'same');

      expect(job.facts.map(({ type }) => type)).toEqual(['CacheRestored']);
      expect(job.lines).toContain('Cache deps is unchanged');
    });

    it('again, when something in it changed', async () => {
      await saved('deps', 'one');
      const job = jobWith({});
      await job.run(() => appendFileSync(join(job.scene.workspace, 'node_modules/which'), '!'));

      expect(await restored({})).toEqual(['one!', 'hit']);
    });

    it('not, when its paths found nothing, and a warning says so', async () => {
      const job = jobWith({ paths: ['none/', '../outside'] });
      await job.run();

      expect(job.facts.map(({ type }) => type)).toEqual(['CacheRestored']);
      expect(job.lines).toContain('WARNING cache none/: no matching files');
    });
  });

  describe('whose key is made of files', () => {
    const key = (files: string[], prefix?: string): CacheSpec['key'] => ({ files, ...(prefix ? { prefix } : {}) });
    const keyOf = async (job: Job): Promise<string> => {
      const [cache] = await findCaches(job.scene, reads);
      return cache!.key;
    };
    const keyWith = async (cache: CacheSpec['key'], files: Record<string, string>): Promise<string> => {
      const job = jobWith({ key: cache }, { variables: { P: 'lock' } });
      for (const [path, text] of Object.entries(files)) job.write(path, text);
      return keyOf(job);
    };

    it('is the same wherever their content is, in whatever order they are named', async () => {
      const files = { 'a.lock': 'a', 'sub/b.lock': 'b' };

      expect(await keyWith(key(['a.lock', 'sub/b.lock']), files)).toMatch(/^[0-9a-f]{40}$/);
      expect(await keyWith(key(['a.lock', 'sub/b.lock']), files)).toBe(
        await keyWith(key(['sub/b.lock', 'a.lock']), files),
      );
    });

    it('changes with their content', async () => {
      expect(await keyWith(key(['a']), { a: '1' })).not.toBe(await keyWith(key(['a']), { a: '2' }));
      expect(await keyWith(key(['a']), { a: '' })).not.toBe(await keyWith(key(['a']), {}));
    });

    it('has its prefix in front', async () => {
      expect(await keyWith(key(['a'], '$P'), { a: '1' })).toMatch(/^lock-[0-9a-f]{40}$/);
    });

    it('takes files outside the workspace for absent, however they are named', async () => {
      writeFileSync(join(directory, 'secret'), 'x');
      const absent = await keyWith(key(['none']), {});
      const job = jobWith({ key: key(['none']) });
      const under = async (name: string): Promise<string[]> => {
        job.scene.assignment.job.cache[0]!.key = key([name]);
        await keyOf(job);
        return job.lines.splice(0);
      };
      symlinkSync(directory, join(job.scene.workspace, 'up'));
      symlinkSync(join(directory, 'secret'), join(job.scene.workspace, 'link'));

      expect(await keyOf(job)).toBe(absent);
      for (const name of ['../secret', join(directory, 'secret'), 'up/secret', 'link', 'a\0b', '.', ''])
        expect(await under(name)).toContain(`WARNING cache key file ${name} does not exist`);
    });
  });
};

describe('A cache', suite);

describe('A cache that is mounted', () => {
  beforeAll(() => {
    mounts = true;
  });
  if (process.platform === 'linux' && process.getuid?.() === 0) suite();
  else absent('the right to mount', { hint: 'needs root on Linux', problem: 'this host does not mount squashfs' });
});
