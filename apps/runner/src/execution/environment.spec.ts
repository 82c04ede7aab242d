import { describe, expect, it } from '@jest/globals';
import type { JobAssigned, PipelineContext, PlannedJob } from '@foldline/contracts';
import { aesSecretBox } from '@foldline/host';
import { Refusal } from '@foldline/kernel';
import { plannedJob, sampleContext } from '@foldline/testing';
import { jobEnvironment, type JobEnvironment } from './environment.ts';

type Assignment = ReturnType<typeof JobAssigned>['data'];

const box = aesSecretBox(Buffer.alloc(32, 7));
const variable = (key: string, value: string, masked = true) => ({
  key,
  sealed: box.seal(value, `project:pr1:variable:${key}`),
  protected: false,
  masked,
});
const secret = (path: string, value: string) => ({ path, sealed: box.seal(value, `project:pr1:secret:${path}`) });

const environmentOf = (
  job: Partial<PlannedJob> = {},
  context: Partial<PipelineContext> = {},
  more: Partial<Assignment> = {},
): JobEnvironment =>
  jobEnvironment(
    {
      pipelineId: 'p1',
      jobId: 'p1.0',
      attempt: 2,
      runnerId: 'one',
      cluster: { id: 'c1', power: 'high-power' },
      job: plannedJob(0, 'unit tests', { stage: 'check', ...job }),
      context: { ...sampleContext, ...context },
      pipelineVariables: {},
      artifactJobs: [],
      because: { rule: 'cluster', detail: 'free', jobs: [] },
      ...more,
    },
    {
      workspace: '/data/runners/jobs/p1.0.2/workspace',
      buildsDirectory: '/data/runners/jobs',
      filesDirectory: '/data/runners/jobs/p1.0.2/variables',
      executor: 'process',
      version: '1.2.3',
      tags: ['linux', 'gpu'],
      startedAt: '2030-01-02T03:04:05.678Z',
      seat: { ofRunner: 3, ofProject: 1 },
    },
    box,
  );
const valuesOf = (...given: Parameters<typeof environmentOf>): Record<string, string> =>
  environmentOf(...given).variables;

describe('The environment of a job', () => {
  it('tells the commit, the project, the job and the cluster', () => {
    expect(valuesOf()).toEqual({
      CI: 'true',
      FOLDLINE: 'true',
      CI_COMMIT_SHA: 'a'.repeat(40),
      CI_COMMIT_SHORT_SHA: 'aaaaaaaa',
      CI_COMMIT_BEFORE_SHA: '0'.repeat(40),
      CI_COMMIT_REF_NAME: 'main',
      CI_COMMIT_REF_SLUG: 'main',
      CI_COMMIT_REF_PROTECTED: 'true',
      CI_COMMIT_BRANCH: 'main',
      CI_COMMIT_MESSAGE: 'Add gears',
      CI_COMMIT_TITLE: 'Add gears',
      CI_COMMIT_DESCRIPTION: '',
      CI_DEFAULT_BRANCH: 'main',
      CI_DEFAULT_BRANCH_SLUG: 'main',
      CI_PROJECT_ID: 'pr1',
      CI_PROJECT_NAME: 'engine',
      CI_PROJECT_TITLE: 'engine',
      CI_PROJECT_OWNER: 'ada',
      CI_PROJECT_NAMESPACE: 'ada',
      CI_PROJECT_ROOT_NAMESPACE: 'ada',
      CI_PROJECT_PATH: 'ada/engine',
      CI_PROJECT_PATH_SLUG: 'ada-engine',
      CI_PROJECT_DIR: '/data/runners/jobs/p1.0.2/workspace',
      CI_BUILDS_DIR: '/data/runners/jobs',
      CI_REPOSITORY_URL: '/repos/engine',
      CI_PIPELINE_ID: 'p1',
      CI_PIPELINE_SOURCE: 'api',
      CI_JOB_ID: 'p1.0',
      CI_JOB_NAME: 'unit tests',
      CI_JOB_NAME_SLUG: 'unit-tests',
      CI_JOB_GROUP_NAME: 'unit tests',
      CI_JOB_ATTEMPT: '2',
      CI_JOB_STAGE: 'check',
      CI_STAGE: 'check',
      CI_JOB_STARTED_AT: '2030-01-02T03:04:05Z',
      CI_JOB_TIMEOUT: '3600',
      CI_CLUSTER_ID: 'c1',
      CI_CLUSTER_POWER: 'high-power',
      CI_NODE_INDEX: '0',
      CI_NODE_TOTAL: '1',
      CI_NODE_NUMBER: '1',
      CI_RUNNER_ID: 'one',
      CI_RUNNER_DESCRIPTION: 'one',
      CI_RUNNER_VERSION: '1.2.3',
      CI_RUNNER_EXECUTABLE_ARCH: expect.stringMatching(/^\w+\/\w+$/),
      CI_RUNNER_TAGS: '["linux","gpu"]',
      CI_CONCURRENT_ID: '3',
      CI_CONCURRENT_PROJECT_ID: '1',
      CI_SHARED_ENVIRONMENT: 'true',
    });
  });

  it('tells that a person started it, and which image it asks for', () => {
    const job = { when: 'manual', image: 'node:$NODE', variables: { NODE: '22' } } as const;

    expect(valuesOf(job)).toMatchObject({ CI_JOB_MANUAL: 'true', CI_JOB_IMAGE: 'node:22' });
  });

  it('tells which copy of a job this is, from 0 and from 1', () => {
    expect(valuesOf({ node: { index: 2, total: 5 } })).toMatchObject({
      CI_NODE_INDEX: '2',
      CI_NODE_TOTAL: '5',
      CI_NODE_NUMBER: '3',
    });
  });

  it('tells tags from branches, and makes a slug of the ref', () => {
    const tag = valuesOf({}, { ref: { name: 'v1.0', kind: 'tag', protected: false } });

    expect(tag).toMatchObject({ CI_COMMIT_TAG: 'v1.0', CI_COMMIT_REF_SLUG: 'v1-0', CI_COMMIT_REF_PROTECTED: 'false' });
    expect(tag).not.toHaveProperty('CI_COMMIT_BRANCH');
  });

  it('tells the environment that the job deploys to, with its variables', () => {
    const environment = { name: 'review/$CI_COMMIT_REF_SLUG', url: 'https://${CI_COMMIT_REF_SLUG}.example' };
    const { CI_ENVIRONMENT_SLUG: slug } = valuesOf({ environment });

    expect(valuesOf({ environment })).toMatchObject({
      CI_ENVIRONMENT_NAME: 'review/main',
      CI_ENVIRONMENT_URL: 'https://main.example',
      CI_ENVIRONMENT_ACTION: 'start',
      CI_ENVIRONMENT_TIER: 'development',
    });
    expect(valuesOf({ environment: { ...environment, url: 'https://$CI_ENVIRONMENT_SLUG.example' } })).toMatchObject({
      CI_ENVIRONMENT_URL: `https://${slug}.example`,
    });
    expect(valuesOf({ environment: { name: 'shop', action: 'stop', tier: 'production' } })).toMatchObject({
      CI_ENVIRONMENT_SLUG: 'shop',
      CI_ENVIRONMENT_ACTION: 'stop',
      CI_ENVIRONMENT_TIER: 'production',
    });
  });

  it('tells so much of a long name of an environment only, and no half of a character', () => {
    const { CI_ENVIRONMENT_NAME: name } = valuesOf({ environment: { name: `review/${'🚀'.repeat(200)}` } });
    expect(name).toBe(`review/${'🚀'.repeat(124)}`);
    const { CI_ENVIRONMENT_NAME: odd } = valuesOf({ environment: { name: `preview/${'🚀'.repeat(200)}` } });
    expect(odd).toBe(`preview/${'🚀'.repeat(123)}`);
  });

  it('takes the later source: file, job, project, request, secrets', () => {
    const sources: [Partial<PlannedJob>, Partial<PipelineContext>, Partial<Assignment>] = [
      { variables: { A: 'job', B: 'job', C: 'job', D: 'job' }, secrets: { D: { vault: 'd' } } },
      {
        projectVariables: [variable('B', 'project'), variable('C', 'project'), variable('D', 'project')],
        variables: { C: 'request', D: 'request' },
        secrets: [secret('d', 'secret')],
      },
      { pipelineVariables: { Z: 'file', A: 'file' } },
    ];

    expect(valuesOf(...sources)).toMatchObject({ Z: 'file', A: 'job', B: 'project', C: 'request', D: 'secret' });
  });

  it('lets variables name others, also those of later sources, and also in turn', () => {
    const job = { variables: { A: '$B/${CI_COMMIT_REF_SLUG}', B: 'b-$C', PRICE: '$$5' } };

    expect(valuesOf(job, { variables: { C: 'c' } })).toMatchObject({ A: 'b-c/main', B: 'b-c', PRICE: '$5' });
  });

  it('gives a variable that names itself its own text there', () => {
    const variables = { A: 'a$A', B: '<$C>', C: '[$B]' };

    const values = valuesOf({ variables });

    expect(values['A']).toBe('aa$A');
    expect(values['B']).toBe('<[<$C>]>');
  });

  it('takes values that are written to be raw as they are, each where it is declared', () => {
    const job = { variables: { A: '$CI', B: '$CI' }, rawVariables: ['A'] };
    const file = { pipelineVariables: { B: '$CI$CI', C: '$CI' }, rawPipelineVariables: ['B', 'C'] };

    expect(valuesOf(job, {}, file)).toMatchObject({ A: '$CI', B: 'true', C: '$CI' });
  });

  describe('that takes over some of the variables of the pipeline', () => {
    const file = { pipelineVariables: { A: 'file', B: 'file', C: '$A-$B', D: '$A' }, rawPipelineVariables: ['D'] };

    it('has those alone, and the others are unknown to them too', () => {
      const values = valuesOf({ inheritedVariables: ['A', 'C', 'D'] }, {}, file);

      expect(values).toMatchObject({ A: 'file', C: 'file-', D: '$A' });
      expect(values).not.toHaveProperty('B');
    });

    it('has none of them when it takes over nothing, but those of every other source', () => {
      const job = { inheritedVariables: [], variables: { B: 'job' } };
      const values = valuesOf(job, { variables: { A: 'request' } }, file);

      expect(values).toMatchObject({ A: 'request', B: 'job', CI: 'true' });
      expect(values).not.toHaveProperty('C');
    });
  });

  describe('with what earlier jobs have handed on', () => {
    it('has it above the variables of the job and below those of the project', () => {
      const job = { variables: { A: 'job', B: 'job', COPY: '<$A>' } };
      const { variablesWith } = environmentOf(job, { projectVariables: [variable('B', 'project')] });

      expect(variablesWith({ A: 'handed on', B: 'handed on' })).toMatchObject({
        A: 'handed on',
        B: 'project',
        COPY: '<handed on>',
      });
    });

    it('takes it as it is: a value cannot name a secret', () => {
      const { variablesWith } = environmentOf({}, { projectVariables: [variable('TOKEN', 'hunter2')] });

      expect(variablesWith({ A: '$TOKEN' })['A']).toBe('$TOKEN');
    });
  });

  describe('with variables of the project', () => {
    it('fills in those that are not raw, and hides what comes of it', () => {
      const { variables, masked } = environmentOf(
        { variables: { HOST: 'db.example' } },
        { projectVariables: [{ ...variable('DSN', 'pg://$HOST/secret'), expand: true }] },
      );

      expect(variables['DSN']).toBe('pg://db.example/secret');
      expect(masked).toEqual(expect.arrayContaining(['pg://$HOST/secret', 'pg://db.example/secret']));
    });

    it('hands over a file by its path, outside of the workspace', () => {
      const path = '/data/runners/jobs/p1.0.2/variables/CONFIG';
      const { variables, files, masked } = environmentOf(
        { variables: { FLAG: '--config=$CONFIG' } },
        { projectVariables: [{ ...variable('CONFIG', 'key: $CI'), kind: 'file' }] },
      );

      expect(variables).toMatchObject({ CONFIG: path, FLAG: `--config=${path}` });
      expect([...files]).toEqual([['CONFIG', 'key: $CI']]);
      expect(masked).toEqual(['key: $CI']);
    });

    it('makes no file of a variable that the request replaces', () => {
      const projectVariables = [{ ...variable('CONFIG', 'content'), kind: 'file' as const }];
      const { variables, files } = environmentOf({}, { projectVariables, variables: { CONFIG: 'mine' } });

      expect(variables['CONFIG']).toBe('mine');
      expect(files.size).toBe(0);
    });

    it('has those of its environment, the closest first, and none of another', () => {
      const scoped = (scope: string, value: string, key = 'REGION') => ({
        ...variable(key, value),
        sealed: box.seal(value, `project:pr1:variable:${key}@${scope}`),
        scope,
      });
      const projectVariables = [
        scoped('review/*', 'review'),
        variable('REGION', 'any'),
        scoped('review/main', 'main'),
        scoped('production', 'never', 'KEY'),
      ];
      const inReview = environmentOf({ environment: { name: 'review/$CI_COMMIT_REF_SLUG' } }, { projectVariables });

      expect(inReview.variables['REGION']).toBe('main');
      expect(inReview.variables).not.toHaveProperty('KEY');
      expect(inReview.masked).toEqual(['main']);
      expect(valuesOf({}, { projectVariables })['REGION']).toBe('any');
    });
  });

  it('takes values of the project and the vault as they are', () => {
    const job = { secrets: { KEY: { vault: 'k' } }, variables: { OTHER: 'x', COPY: '$KEY $TOKEN' } };
    const context = { projectVariables: [variable('TOKEN', 'a$OTHER$$')], secrets: [secret('k', '$OTHER-$CI')] };

    expect(valuesOf(job, context)).toMatchObject({
      TOKEN: 'a$OTHER$$',
      KEY: '$OTHER-$CI',
      COPY: '$OTHER-$CI a$OTHER$$',
    });
  });

  it('takes what comes from the commit as it is: a message cannot name a secret', () => {
    const context = { message: 'release $TOKEN ${CI}', projectVariables: [variable('TOKEN', 'hunter2')] };

    expect(valuesOf({}, context)['CI_COMMIT_MESSAGE']).toBe('release $TOKEN ${CI}');
  });

  it('knows what must not be seen: all secrets, and project variables that are to be masked', () => {
    const job = { secrets: { KEY: { vault: 'k' } } };
    const context = {
      projectVariables: [variable('TOKEN', 'hunter2'), variable('REGION', 'eu', false)],
      secrets: [secret('k', 'hidden'), secret('unused', 'never opened')],
    };

    expect(environmentOf(job, context).masked.toSorted()).toEqual(['hidden', 'hunter2']);
  });

  it('is refused when the vault has no such secret', () => {
    expect(codeOf({ secrets: { KEY: { vault: 'none' } } })).toBe('secret_not_found');
  });

  it('is broken when a sealed value was moved to another place', () => {
    const moved = { ...variable('A', 'x'), key: 'B' };

    expect(() => environmentOf({}, { projectVariables: [moved] })).toThrow('does not open');
  });

  describe('that is too large', () => {
    const double = (count: number): Record<string, string> =>
      Object.fromEntries(
        Array.from({ length: count }, (_, n) => [`V${n}`, n === 0 ? 'x'.repeat(1000) : `$V${n - 1}$V${n - 1}`]),
      );
    const chain = (count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`V${n}`, n === count - 1 ? 'x' : `$V${n + 1}`]));
    const bomb = { A: 'x'.repeat(60_000), B: '$A'.repeat(30_000) };

    it.each([
      ['variables that double', { variables: double(40) }],
      ['a variable that names a long one very often', { variables: bomb }],
      ['a chain without end', { variables: chain(20_000) }],
      ['one value', { variables: { A: 'x'.repeat(64 * 1024 + 1) } }],
      ['one value in letters of three bytes', { variables: { A: '機'.repeat(30_000) } }],
      [
        'all values',
        { variables: Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`V${n}`, 'x'.repeat(60_000)])) },
      ],
    ])('is refused: %s', (_what, job) => {
      expect(codeOf(job)).toBe('variable_too_large');
    });

    it('is not, with as much as is allowed', () => {
      expect(codeOf({ variables: { A: 'x'.repeat(64 * 1024), ...chain(90) } })).toBe('none');
    });

    it('is refused when a secret is', () => {
      const context = { secrets: [secret('k', 'x'.repeat(70_000))] };

      expect(codeOf({ secrets: { KEY: { vault: 'k' } } }, context)).toBe('variable_too_large');
    });

    it('is not refused for a long commit message, which is cut', () => {
      const { CI_COMMIT_MESSAGE = '' } = valuesOf({}, { message: '機'.repeat(1_000_000) });

      expect(CI_COMMIT_MESSAGE).toBe('機'.repeat(16 * 1024));
    });
  });

  it('is refused with a NUL, which no program can be given', () => {
    expect(codeOf({ variables: { A: 'a\0b' } })).toBe('variable_invalid');
  });
});

const codeOf = (...given: Parameters<typeof environmentOf>): string => {
  try {
    environmentOf(...given);
    return 'none';
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
};
