import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  COLLECTION,
  PipelineRequested,
  artifactIndexKey,
  planStream,
  serializeManifest,
  triggerStream,
  type ArtifactDoc,
  type ChildDefinition,
  type PipelinePlanned,
  type PlanRejected,
  type Recorded,
  type RecordedEvent,
  type TreeEntry,
  type Upstream,
} from '@foldline/contracts';
import { openEmbeddedPorts, type EmbeddedPorts } from '@foldline/host';
import { TransientError, type Settings } from '@foldline/kernel';
import { sampleContext } from '@foldline/testing';
import type { PlanOnPipelineRequested } from './plan-on-pipeline-requested.policy.ts';
import { planningWith } from './planning.fixture.ts';

type Request = ReturnType<typeof PipelineRequested>['data'];
type Planned = ReturnType<typeof PipelinePlanned>['data'];
type Rejected = ReturnType<typeof PlanRejected>['data'];

const IDENTITY = ['-c', 'user.name=Ada', '-c', 'user.email=ada@foldline.example'];
const FILES: Readonly<Record<string, string>> = {
  '.codara-ci.yml': 'parent: { trigger: { include: ci/child.yml } }\n',
  'ci/child.yml': 'include: ci/shared.yml\nchild: { script: make }\n',
  'ci/shared.yml': 'shared: { script: make }\n',
  'ci/inputs.yml':
    'spec: { inputs: { level: {}, copies: { type: number, default: 1 } } }\n---\ntest-$[[ inputs.level ]]:\n  script: make\n  parallel: $[[ inputs.copies ]]\n',
  'ci/grown.yml': 'grand: { trigger: { include: ci/child.yml } }\n',
  'ci/broken.yml': 'child: { scrpt: make }\n',
  'ci/empty.yml': '.template: { script: make }\n',
  'ci/tags.yml': 'child: { script: make, only: [tags] }\n',
  'ci/copies.yml': 'child: { script: make, parallel: 2 }\n',
};
let home: string;
let url: string;
let sha: string;
let embedded: EmbeddedPorts;
let planning: PlanOnPipelineRequested;
let position = 0;
/** Each test has pipelines of its own. */
let pipelineId: string;
let parent: string;
let tests = 0;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'foldline-children-'));
  url = join(home, 'repository');
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(url, path)), { recursive: true });
    writeFileSync(join(url, path), text);
  }
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: url, encoding: 'utf8' }).trim();
  git('init', '--quiet', '--initial-branch=main');
  git('add', '--all');
  git(...IDENTITY, 'commit', '--quiet', '-m', 'All');
  sha = git('rev-parse', 'HEAD');
  const settings = { dataDirectory: join(home, 'data'), logLevel: 'silent', includeHosts: [] } as unknown as Settings;
  embedded = await openEmbeddedPorts(settings, []);
  planning = planningWith(embedded.ports);
});
afterAll(async () => {
  await planning.beforeApplicationShutdown();
  await embedded.close();
  rmSync(home, { recursive: true, force: true });
});

beforeEach(() => {
  tests += 1;
  pipelineId = `p${tests}`;
  parent = `parent-${tests}`;
});

const upstream = (): Upstream => ({
  pipelineId: parent,
  jobId: `${parent}.0`,
  attempt: 1,
  project: 'ada/engine',
  depth: 1,
  budget: 999,
});
const requested = (more: Partial<Request>): Recorded<ReturnType<typeof PipelineRequested>> => ({
  ...PipelineRequested({
    pipelineId,
    project: { ...sampleContext.project, url },
    ref: { name: 'main', kind: 'branch', protected: false },
    sha,
    source: 'parent_pipeline',
    variables: {},
    projectVariables: [],
    secrets: [],
    upstream: upstream(),
    ...more,
  }),
  id: 'request',
  stream: triggerStream(pipelineId),
  revision: 0,
  position: 0,
  causationId: parent,
  correlationId: pipelineId,
  actor: { kind: 'user', id: 'ada' },
  recordedAt: '2030-01-01T00:00:00.000Z',
});
const outcome = async (more: Partial<Request>): Promise<RecordedEvent> => {
  await planning.plan(requested(more));
  await planning.plan(requested(more));
  const [event, ...others] = await embedded.ports.eventStore.readStream(planStream(pipelineId), 0);
  expect(others).toEqual([]);
  return event!;
};
const PLACE = { file: 'ci/start.yml', line: 7, column: 3, root: '.gitlab-ci.yml' };
const childOf = (include: ChildDefinition['include'], more: Partial<ChildDefinition> = {}): ChildDefinition => ({
  include,
  ...PLACE,
  ...more,
});
const planned = async (more: Partial<Request>): Promise<Planned> => {
  const { type, data } = await outcome(more);
  expect(data).not.toHaveProperty('problems');
  expect(type).toBe('PipelinePlanned');
  return data as Planned;
};
const rejected = async (more: Partial<Request>): Promise<Rejected> => {
  const { type, data } = await outcome(more);
  expect(type).toBe('PlanRejected');
  return data as Rejected;
};
const jobsOf = ({ plan }: Planned): string[] => plan.jobs.map(({ name }) => name).toSorted();

describe('A child pipeline', () => {
  it('is planned from the files that its parent names, and what these include, at the commit of its parent', async () => {
    const child = await planned({ definition: childOf([{ local: 'ci/child.yml' }]) });

    expect(jobsOf(child)).toEqual(['child', 'shared']);
    expect(child.plan.warnings).toEqual([]);
  });

  it('knows the job that asked for it, and nothing of how it was asked', async () => {
    const { context } = await planned({ definition: childOf([{ local: 'ci/child.yml' }]), inputs: {} });

    expect(context).toMatchObject({ upstream: upstream(), source: 'parent_pipeline', sha, file: '.gitlab-ci.yml' });
    expect(context).not.toHaveProperty('definition');
    expect(context).not.toHaveProperty('inputs');
  });

  it.each([
    ['.gitlab-ci.yml', 1],
    ['.codara-ci.yml', undefined],
  ])('counts its copies as the definition of its parent does: %s', async (root, first) => {
    const { plan } = await planned({ definition: childOf([{ local: 'ci/copies.yml' }], { root }) });

    expect(plan.jobs[0]!.node?.first).toBe(first);
  });

  it('may start others, whose place is in its own file', async () => {
    const { plan } = await planned({ definition: childOf([{ local: 'ci/grown.yml' }]) });

    expect(plan.jobs[0]!.trigger?.of).toMatchObject({ kind: 'child', line: 1, column: 10, file: 'ci/grown.yml' });
  });

  it('gets what its one file asks for', async () => {
    const child = await planned({
      definition: childOf([{ local: 'ci/inputs.yml' }]),
      inputs: { level: 'full', copies: 2 },
    });

    expect(jobsOf(child)).toEqual(['test-full 1/2', 'test-full 2/2']);
  });

  it('gets what each of its files asks for', async () => {
    const include = [{ local: 'ci/inputs.yml', inputs: { level: 'quick' } }, { local: 'ci/child.yml' }];

    expect(jobsOf(await planned({ definition: childOf(include) }))).toContain('test-quick 1/1');
  });

  describe('is refused', () => {
    it('with the job that asked for it and the commit', async () => {
      const rejection = await rejected({ definition: childOf([{ local: 'ci/broken.yml' }]) });

      expect(rejection).toMatchObject({ upstream: upstream(), commit: { sha, message: 'All' } });
    });

    it('for the mistakes of its files, each in its place', async () => {
      const { problems } = await rejected({ definition: childOf([{ local: 'ci/broken.yml' }]) });

      expect(problems).toMatchObject([
        { code: 'missing-script', file: 'ci/broken.yml', line: 1 },
        { code: 'unknown-keyword', file: 'ci/broken.yml', line: 1 },
      ]);
    });

    const { root: _root, ...place } = PLACE;
    it.each<[string, ChildDefinition['include'], Request['inputs'], string]>([
      ['a file that is not there', [{ local: 'ci/none.yml' }], undefined, 'include-missing-file'],
      ['a path that leads astray', [{ local: '../child.yml' }], undefined, 'unsafe-path'],
      ['files without jobs', [{ local: 'ci/empty.yml' }], undefined, 'no-jobs'],
      ['files none of whose jobs is meant for it', [{ local: 'ci/tags.yml' }], undefined, 'no-jobs'],
      ['an input that nobody gave', [{ local: 'ci/inputs.yml' }], undefined, 'missing-input'],
      ['an input that nobody asks for', [{ local: 'ci/inputs.yml' }], { level: 'a', other: 'b' }, 'unknown-input'],
    ])('for %s, where its parent asks for it', async (_what, include, inputs, code) => {
      const { problems } = await rejected({ definition: childOf(include), ...(inputs && { inputs }) });

      expect(problems).toMatchObject([{ code, ...place }]);
    });

    it('for a commit that is gone, where its parent asks for it', async () => {
      const { problems } = await rejected({ definition: childOf([{ local: 'ci/child.yml' }]), sha: 'f'.repeat(40) });

      expect(problems).toMatchObject([{ code: 'commit-unavailable', ...place }]);
    });
  });
});

describe('A pipeline of another project', () => {
  it('is planned from its own definition', async () => {
    const { plan, context } = await planned({ source: 'pipeline' });

    expect(plan.jobs.map(({ name }) => name)).toEqual(['parent']);
    expect(context).toMatchObject({ upstream: upstream(), file: '.codara-ci.yml' });
  });

  it('is refused for inputs that its definition does not ask for', async () => {
    const { problems } = await rejected({ source: 'pipeline', inputs: { level: 'full' } });

    expect(problems).toMatchObject([{ code: 'unknown-input', file: '.codara-ci.yml' }]);
  });

  it('may start none where there are as many above it as there may be', async () => {
    const { problems } = await rejected({ source: 'pipeline', upstream: { ...upstream(), depth: 5 } });

    expect(problems).toMatchObject([{ code: 'downstream-too-deep', file: '.codara-ci.yml', line: 1, column: 11 }]);
  });
});

describe('A child pipeline of what a job made', () => {
  const put = async (text: string): Promise<TreeEntry & { kind: 'file' }> => {
    const { digest, bytes } = await embedded.ports.objectStore.put(Buffer.from(text));
    return { kind: 'file', path: 'child.yml', mode: 0o644, size: bytes, digest };
  };
  const kept = async (entries: TreeEntry[], more: Partial<ArtifactDoc> = {}): Promise<void> => {
    const { digest } = await embedded.ports.objectStore.put(serializeManifest(entries));
    position += 1;
    const doc: ArtifactDoc = {
      id: `a${position}`,
      pipelineId: parent,
      projectId: sampleContext.project.id,
      jobId: `${parent}.0`,
      attempt: 1,
      name: 'artifacts',
      kind: 'archive',
      manifestDigest: digest,
      files: entries.length,
      bytes: 1,
      status: 'available',
      committedAt: '2030-01-01T00:00:00.000Z',
      ...more,
    };
    const indexes = { byJob: artifactIndexKey(doc.jobId, doc.id) };
    const write = { collection: COLLECTION.artifacts, id: doc.id, doc, indexes };
    await embedded.ports.readStore.apply(`test-${position}`, position, [write]);
  };
  const artifact = (path: string, attempts = [{ jobId: `${parent}.0`, attempt: 1 }]): Partial<Request> => ({
    definition: childOf([{ artifact: path, job: 'generate' }], { artifacts: { generate: attempts } }),
  });

  it('is planned from that, with what it includes of the commit, and the plan says what it was', async () => {
    const made = await put('include: ci/shared.yml\nmade: { script: make }\n');
    await kept([made]);
    const child = await planned(artifact('child.yml'));

    expect(jobsOf(child)).toEqual(['made', 'shared']);
    expect(child.plan.included).toEqual([
      { kind: 'artifact', path: 'child.yml', job: 'generate', sha256: made.digest },
    ]);
  });

  it('is planned from what the attempt has kept that counts', async () => {
    await kept([await put('old: { script: make }\n')]);
    await kept([await put('late: { script: make }\n')], { attempt: 2 });

    expect(jobsOf(await planned(artifact('child.yml')))).toEqual(['old']);
  });

  it('is planned from what the last copy has kept that has such a file', async () => {
    await kept([await put('first: { script: make }\n')]);
    await kept([await put('second: { script: make }\n')], { jobId: `${parent}.1` });
    await kept([{ ...(await put('x')), path: 'other.yml' }], { jobId: `${parent}.2` });
    const copies = [0, 1, 2].map((index) => ({ jobId: `${parent}.${index}`, attempt: 1 }));

    expect(jobsOf(await planned(artifact('child.yml', copies)))).toEqual(['second']);
  });

  const refusals: [string, string, string, () => Promise<void>][] = [
    ['a file that is not among them', 'none.yml', 'include-missing-file', async () => kept([await put('a')])],
    ['a job that has kept nothing', 'child.yml', 'include-missing-file', async () => undefined],
    [
      'what was refused',
      'child.yml',
      'include-missing-file',
      async () => kept([await put('a')], { status: 'refused' }),
    ],
    [
      'what has expired',
      'child.yml',
      'include-missing-file',
      async () => kept([await put('a')], { status: 'expired' }),
    ],
    ['reports', 'child.yml', 'include-missing-file', async () => kept([await put('a')], { kind: 'reports' })],
    [
      'a link',
      'child.yml',
      'include-missing-file',
      async () => kept([{ kind: 'link', path: 'child.yml', target: 'other.yml' }]),
    ],
    [
      'a file whose bytes are gone',
      'child.yml',
      'include-unreachable',
      async () => kept([{ ...(await put('a')), digest: '0'.repeat(64) }]),
    ],
    [
      'a file that is larger than it says',
      'child.yml',
      'include-too-large',
      async () => kept([{ ...(await put(`# ${'x'.repeat(600_000)}`)), size: 1 }]),
    ],
    [
      'a tree that leads out of itself',
      'child.yml',
      'include-unreachable',
      async () => kept([{ ...(await put('a')), path: '../child.yml' }]),
    ],
    ['what is no text', 'child.yml', 'binary-content', async () => kept([await put('a: \u0000')])],
  ];
  it.each(refusals)('is refused for %s, where its parent asks for it', async (_what, path, code, keep) => {
    await keep();
    const { problems } = await rejected(artifact(path));

    const isOfTheFile = code === 'binary-content';
    expect(problems[0]!.hint).not.toContain('commit');
    expect(problems).toMatchObject([
      isOfTheFile ? { code, file: 'generate:child.yml' } : { code, file: PLACE.file, line: 7, column: 3 },
    ]);
  });

  it('waits until the read models show what there is', async () => {
    await kept([await put('made: { script: make }\n')]);
    const { readModels } = embedded.ports;
    const reached = readModels.reached.bind(readModels);
    readModels.reached = async () => false;
    await expect(planning.plan(requested(artifact('child.yml')))).rejects.toBeInstanceOf(TransientError);
    readModels.reached = reached;

    expect(jobsOf(await planned(artifact('child.yml')))).toEqual(['made']);
  });
});
