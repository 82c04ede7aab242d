import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  PipelineRequested,
  planStream,
  triggerStream,
  type PipelinePlanned,
  type PlanRejected,
  type Recorded,
  type RecordedEvent,
} from '@foldline/contracts';
import { openEmbeddedPorts, type EmbeddedPorts } from '@foldline/host';
import {
  PermanentError,
  TransientError,
  type EventStore,
  type SecretBox,
  type Settings,
  type SourceRepository,
} from '@foldline/kernel';
import { problemHints, sourceProblemCodes, type ProblemCode } from '@foldline/pipeline-language';
import { sampleBuild, sampleContext } from '@foldline/testing';
import type { PlanOnPipelineRequested } from './plan-on-pipeline-requested.policy.ts';
import { planningWith } from './planning.fixture.ts';

type Request = ReturnType<typeof PipelineRequested>['data'];
type Planned = ReturnType<typeof PipelinePlanned>['data'];
type Rejected = ReturnType<typeof PlanRejected>['data'];

const FILE = '.codara-ci.yml';
const DEFINITION = 'build:\n  script: [make]\n';

let home: string;
let url: string;
let directory: string;
let embedded: EmbeddedPorts;
let store: EventStore;
let repositories: SourceRepository;
let box: SecretBox;
let planning: PlanOnPipelineRequested;
let pipelineId: string;
let pipelines = 0;
const commits: Record<string, string> = {};

const git = (...args: string[]): string => execFileSync('git', args, { cwd: url, encoding: 'utf8' }).trim();
const IDENTITY = ['-c', 'user.name=Ada', '-c', 'user.email=ada@foldline.example'];
const commit = (name: string, message = name): void => {
  git('add', '--all');
  execFileSync('git', [...IDENTITY, 'commit', '--quiet', '-F', '-'], { cwd: url, input: message });
  git('branch', name);
  commits[name] = git('rev-parse', 'HEAD');
};
const define = (text: string): void => writeFileSync(join(url, FILE), text);

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'foldline-planned-'));
  url = join(home, 'repository');
  mkdirSync(url);
  git('init', '--quiet', '--initial-branch=main');
  writeFileSync(join(url, 'README.md'), 'read me');
  commit('without');
  define(DEFINITION);
  commit('good', 'Add gears\n\nwith $CARE');
  define('build:\n  script: [make]\n  only: [release]\n');
  commit('nothing');
  define('.build:\n  script: [make]\n');
  commit('templates');
  define('ship:\n  script: [make]\n  environment: live/$TOKEN\n');
  commit('telltale');
  define(`ship:
  script: [make]
  rules:
    - if: $CI_COMMIT_TITLE =~ /^Ship/ && $CI_PROJECT_NAME == "${sampleContext.project.name}" && $TOKEN == "open sesame"
`);
  commit('ruled', 'Ship it');
  mkdirSync(join(url, 'ci'));
  writeFileSync(join(url, 'ci/unit.yml'), 'unit:\n  script: [make]\n');
  define('include: [ci/*.yml, ci/unit.yml]\nbuild:\n  script: [make]\n');
  commit('including');
  define('build:\n  scrpt: [make]\ntest:\n  script: [x]\n  needs: [nobody]\n');
  commit('broken');
  define(`# ${'x'.repeat(600_000)}\n${DEFINITION}`);
  commit('large');
  define('build: ['.repeat(5_000));
  commit('bomb');
  rmSync(join(url, FILE));
  writeFileSync(join(url, '.gitlab-ci.yml'), `# ${'x'.repeat(600_000)}\n${DEFINITION}`);
  commit('large-of-gitlab');
  writeFileSync(join(url, '.gitlab-ci.yml'), 'include: ci/large.yml\n');
  writeFileSync(join(url, 'ci/large.yml'), `# ${'x'.repeat(600_000)}\n`);
  commit('including-too-much');
  rmSync(join(url, '.gitlab-ci.yml'));
  define(DEFINITION);
  commit('long', `long:\n\n${'🚀'.repeat(50_000)}`);
  rmSync(join(url, FILE));
  symlinkSync('/etc/passwd', join(url, FILE));
  commit('link');
  rmSync(join(url, FILE));
  mkdirSync(join(url, FILE));
  writeFileSync(join(url, FILE, 'x'), DEFINITION);
  commit('directory');
});
beforeAll(async () => {
  directory = join(home, 'planner');
  mkdirSync(directory);
  const settings: Partial<Settings> = { dataDirectory: directory, logLevel: 'silent', includeHosts: [] };
  embedded = await openEmbeddedPorts(settings as Settings, []);
  const { eventStore, sourceRepository, secretBox } = embedded.ports;
  // What a test lets fail of it is its own.
  repositories = Object.create(sourceRepository) as SourceRepository;
  [store, box] = [eventStore, secretBox];
  planning = planningWith({ ...embedded.ports, sourceRepository: repositories });
});
afterAll(async () => {
  await planning.beforeApplicationShutdown();
  await embedded.close();
  rmSync(home, { recursive: true, force: true });
});

beforeEach(() => {
  pipelines += 1;
  pipelineId = `p${pipelines}`;
});
afterEach(() => {
  for (const name of Object.keys(repositories)) Reflect.deleteProperty(repositories, name);
});

const requested = (ref: string, more: Partial<Request> = {}): Recorded<ReturnType<typeof PipelineRequested>> => ({
  ...PipelineRequested({
    pipelineId,
    project: { ...sampleContext.project, url },
    ref: { name: ref, kind: 'branch', protected: false },
    source: 'push',
    variables: { A: '1' },
    projectVariables: [],
    secrets: [],
    ...more,
  }),
  id: 'request',
  stream: triggerStream(pipelineId),
  revision: 0,
  position: 1,
  causationId: 'push',
  correlationId: pipelineId,
  actor: { kind: 'user', id: 'ada' },
  recordedAt: '2030-01-01T00:00:00.000Z',
});
const events = (): Promise<RecordedEvent[]> => store.readStream(planStream(pipelineId), 0);
/** What the one event says that the request comes to. */
const outcome = async (...given: Parameters<typeof requested>): Promise<RecordedEvent> => {
  await planning.plan(requested(...given));
  const [event, ...others] = await events();
  expect(others).toEqual([]);
  return event!;
};
const problemsOf = async (...given: Parameters<typeof requested>): Promise<string[]> => {
  const { type, data } = await outcome(...given);
  expect(type).toBe('PlanRejected');
  return (data as Rejected).problems.map(({ code }) => code);
};

describe('A requested pipeline', () => {
  it('that is a build is one job that builds the image, whatever is defined at its commit', async () => {
    const { data } = await outcome('broken', { build: sampleBuild });
    expect((data as Planned).plan.jobs.map(({ steps }) => steps.map(({ kind }) => kind))).toEqual([['build-image']]);
    expect((data as Planned).context).not.toHaveProperty('build');
  });

  it('that needs no definition has no jobs where there is none, and says so', async () => {
    const { data } = await outcome('without', { mayLackDefinition: true });
    const { jobs, warnings } = (data as Planned).plan;
    expect([jobs, warnings.map(({ code }) => code)]).toEqual([[], ['no-definition']]);
  });

  it('has the jobs of the files that its definition includes, as they are at its commit', async () => {
    const { data } = await outcome('including');
    expect((data as Planned).plan.jobs.map(({ name }) => name).toSorted()).toEqual(['build', 'unit']);
  });

  it('has the jobs whose rules hold for its commit, its project and the values that the project sealed', async () => {
    const sealed = box.seal('open sesame', `project:${sampleContext.project.id}:variable:TOKEN`);
    const event = await outcome('ruled', {
      projectVariables: [{ key: 'TOKEN', sealed, protected: false, masked: true }],
    });
    const { plan } = event.data as Planned;
    expect(plan.decisions).toMatchObject([{ definition: 'ship', created: true, rule: 'rules: 1' }]);
    expect(plan.decisions[0]!.because).toContain('TOKEN is set');
  });

  it('is planned from the definition at the commit that its ref is now', async () => {
    const { type, data, correlationId, causationId } = await outcome('good');

    expect(type).toBe('PipelinePlanned');
    expect({ correlationId, causationId }).toEqual({ correlationId: pipelineId, causationId: 'request' });
    const { context, plan } = data as Planned;
    expect(plan.jobs.map(({ name }) => name)).toEqual(['build']);
    expect(context).toMatchObject({
      pipelineId,
      sha: commits['good'],
      message: 'Add gears\n\nwith $CARE',
      source: 'push',
      ref: { name: 'good', kind: 'branch', protected: false },
      variables: { A: '1' },
    });
  });

  it('knows from then on who made the commit and when, when it was asked for, of whom, and by which file', async () => {
    const server = { version: '1.2.3', url: 'https://ci.example.com' };
    const before = 'b'.repeat(40);
    const { context } = (await outcome('good', { server, before })).data as Planned;

    expect(context).toMatchObject({
      commit: { author: 'Ada <ada@foldline.example>', at: expect.stringMatching(/^\d{4}-.*Z$/) },
      createdAt: '2030-01-01T00:00:00.000Z',
      file: FILE,
      server,
      before,
    });
    expect(context.commit).not.toHaveProperty('tagMessage');
  });

  it('knows the message of the annotated tag that it is for', async () => {
    git(...IDENTITY, 'tag', '--force', '--annotate', 'v1', commits['good']!, '-m', 'Release 1');
    const ref = { name: 'v1', kind: 'tag', protected: false } as const;

    expect(((await outcome('good', { ref })).data as Planned).context.commit?.tagMessage).toBe('Release 1');
  });

  it('is planned at the commit that the request knew, whatever the ref is now', async () => {
    const { data } = await outcome('link', { sha: commits['good']! });

    expect((data as Planned).context.sha).toBe(commits['good']);
  });

  it('is planned once, however often it is delivered', async () => {
    await Promise.all([planning.plan(requested('good')), planning.plan(requested('good'))]);
    await planning.plan(requested('good'));

    expect((await events()).map(({ type }) => type)).toEqual(['PipelinePlanned']);
  });

  it('keeps its plan when its ref has moved before the second delivery', async () => {
    await planning.plan(requested('good'));
    await planning.plan(requested('broken'));

    expect((await events()).map(({ type }) => type)).toEqual(['PipelinePlanned']);
  });

  it('keeps its rejection too', async () => {
    await planning.plan(requested('broken'));
    await planning.plan(requested('good'));

    expect((await events()).map(({ type }) => type)).toEqual(['PlanRejected']);
  });

  it('is an empty plan with its decisions when no job is meant for it', async () => {
    const { type, data } = await outcome('nothing');

    expect(type).toBe('PipelinePlanned');
    const { plan } = data as Planned;
    expect(plan.jobs).toEqual([]);
    expect(plan.decisions).toMatchObject([{ definition: 'build', created: false }]);
  });

  it('carries so much of a commit’s message only, and no half of a character', async () => {
    const { data } = await outcome('long');

    expect((data as Planned).context.message).toBe(`long:\n\n${'🚀'.repeat(8188)}`);
  });

  describe('is rejected', () => {
    const unfetched: [string, string, string][] = [
      ['a ref that is not there', 'unknown', 'commit-unavailable'],
      ['a name that is no ref', '--upload-pack=touch', 'commit-unavailable'],
      ['a commit without a definition', 'without', 'no-definition'],
      ['a definition that is a symbolic link', 'link', 'definition-not-a-file'],
      ['a definition that is a directory', 'directory', 'definition-not-a-file'],
      ['a definition that is too large', 'large', 'file-too-large'],
    ];
    it.each(unfetched)('for %s', async (_what, ref, code) => {
      const { type, data } = await outcome(ref);

      expect(type).toBe('PlanRejected');
      const hint = problemHints[code as ProblemCode];
      expect((data as Rejected).problems).toMatchObject([{ code, hint, file: FILE, line: 1, column: 1 }]);
    });

    it.each(['large-of-gitlab', 'including-too-much'])('in the definition that there is: %s', async (ref) => {
      const { data } = await outcome(ref);

      expect((data as Rejected).problems).toMatchObject([{ code: 'file-too-large', file: '.gitlab-ci.yml', line: 1 }]);
    });

    it('by every code there is for a definition that cannot be fetched', () => {
      expect(unfetched.map(([, , code]) => code)).toEqual(expect.arrayContaining([...sourceProblemCodes]));
    });

    it.each(['broken', 'templates', 'without', 'link', 'large', 'directory'])(
      'with the commit whose definition it is that was refused: %s',
      async (ref) => {
        const { type, data } = await outcome(ref);

        expect(type).toBe('PlanRejected');
        expect((data as Rejected).commit).toEqual({ sha: commits[ref], message: ref });
      },
    );

    it('without a commit where none was found, or none of it could be fetched', async () => {
      expect((await outcome('unknown')).data).not.toHaveProperty('commit');

      const next = `${pipelineId}x`;
      await planning.plan(requested('good', { pipelineId: next, sha: 'f'.repeat(40) }));
      const [other] = await store.readStream(planStream(next), 0);
      expect(other?.type).toBe('PlanRejected');
      expect(other?.data).not.toHaveProperty('commit');
    });

    it('for a definition of templates, which no trigger makes run', async () => {
      expect(await problemsOf('templates')).toEqual(['no-jobs']);
    });

    it('for an environment that is named after a masked variable of the project', async () => {
      const token = { key: 'TOKEN', sealed: 'sealed', protected: false, masked: true };

      expect(await problemsOf('telltale', { projectVariables: [token] })).toEqual(['sealed-variable']);
    });

    it('with every problem of its definition, each with its place', async () => {
      const { data } = await outcome('broken');

      const errors = (data as Rejected).problems.filter(({ severity }) => severity === 'error');
      expect(errors.length).toBeGreaterThanOrEqual(2);
      for (const problem of errors) expect(problem).toMatchObject({ file: FILE, message: expect.any(String) });
      expect(new Set(errors.map(({ line }) => line)).size).toBeGreaterThanOrEqual(2);
    });

    it('for a definition that was made to break its reader, and the next one is planned', async () => {
      expect((await problemsOf('bomb')).length).toBeGreaterThan(0);

      const next = `${pipelineId}x`;
      await planning.plan(requested('good', { pipelineId: next }));
      const [event] = await store.readStream(planStream(next), 0);
      expect(event?.type).toBe('PipelinePlanned');
    });

    it('for a commit that the repository does not have', async () => {
      expect(await problemsOf('good', { sha: 'f'.repeat(40) })).toEqual(['commit-unavailable']);
    });

    it('for a repository that is not there, naming it', async () => {
      const project = { ...sampleContext.project, url: join(directory, 'none') };

      expect(await problemsOf('good', { project })).toEqual(['commit-unavailable']);
    });
  });

  it('is tried again after trouble that may pass', async () => {
    repositories.fetchCommit = async () => {
      throw new TransientError('git took too long');
    };
    await expect(planning.plan(requested('good'))).rejects.toBeInstanceOf(TransientError);
    expect(await events()).toEqual([]);
    Reflect.deleteProperty(repositories, 'fetchCommit');

    expect((await outcome('good')).type).toBe('PipelinePlanned');
  });

  it('is not rejected for a mistake of our own', async () => {
    repositories.fetchCommit = async () => {
      throw new TypeError('undefined is not a function');
    };

    await expect(planning.plan(requested('good'))).rejects.toBeInstanceOf(TypeError);
    expect(await events()).toEqual([]);
  });

  it('is rejected for trouble that stays', async () => {
    repositories.describeCommit = async () => {
      throw new PermanentError('git could not log');
    };

    expect(await problemsOf('good')).toEqual(['commit-unavailable']);
  });
});
