import { describe, expect, it } from '@jest/globals';
import { jobFactVariables, jobUrl, pipelineFactVariables, type PipelineFacts } from './predefined-variables.ts';

const project = { id: 'pr1', owner: 'ada', name: 'engine', url: '/repos/engine', defaultBranch: 'Main' };
const about = (more: Partial<PipelineFacts> = {}): Record<string, string> =>
  pipelineFactVariables({ ref: { name: 'main', kind: 'branch' }, source: 'push', ...more });

describe('The facts of a pipeline', () => {
  it('tell nothing that is not known', () => {
    expect(Object.keys(about())).toEqual([
      'CI',
      'FOLDLINE',
      'CI_PIPELINE_SOURCE',
      'CI_COMMIT_BEFORE_SHA',
      'CI_COMMIT_REF_NAME',
      'CI_COMMIT_REF_SLUG',
      'CI_COMMIT_BRANCH',
    ]);
  });

  it('tell the commit: who made it, when, and what the ref was before', () => {
    const commit = { author: 'Ada <ada@foldline.example>', at: '2030-01-02T03:04:05.000Z', tagMessage: 'Release' };
    expect(about({ commit, before: 'b'.repeat(40) })).toMatchObject({
      CI_COMMIT_AUTHOR: commit.author,
      CI_COMMIT_TIMESTAMP: '2030-01-02T03:04:05Z',
      CI_COMMIT_TAG_MESSAGE: 'Release',
      CI_COMMIT_BEFORE_SHA: 'b'.repeat(40),
    });
  });

  it.each([
    ['what follows a short title', 'Add gears\n\nThe story.', 'The story.'],
    ['nothing where there is only a title', 'Add gears', ''],
    [
      'the whole message where the first line is too long for a title',
      `${'x'.repeat(100)}\nmore`,
      `${'x'.repeat(100)}\nmore`,
    ],
  ])('describe the commit by %s', (_what, message, description) => {
    expect(about({ message })['CI_COMMIT_DESCRIPTION']).toBe(description);
  });

  it('tell the pipeline: its name, its file, and when it was asked for', () => {
    const facts = { name: 'Nightly', file: '.codara-ci.yml', createdAt: '2030-01-02T03:04:05.678Z', pipelineId: 'p1' };
    expect(about(facts)).toMatchObject({
      CI_PIPELINE_ID: 'p1',
      CI_PIPELINE_NAME: 'Nightly',
      CI_CONFIG_PATH: '.codara-ci.yml',
      CI_PIPELINE_CREATED_AT: '2030-01-02T03:04:05Z',
    });
  });

  it('tell the project by its names', () => {
    expect(about({ project })).toMatchObject({
      CI_PROJECT_PATH: 'ada/engine',
      CI_PROJECT_PATH_SLUG: 'ada-engine',
      CI_PROJECT_NAMESPACE: 'ada',
      CI_PROJECT_ROOT_NAMESPACE: 'ada',
      CI_PROJECT_TITLE: 'engine',
      CI_DEFAULT_BRANCH_SLUG: 'main',
    });
  });

  it('hold no half of a character of a long message', () => {
    const message = `${'x'.repeat(16 * 1024 - 1)}😀 and more`;
    const told = about({ message, sha: 'a'.repeat(40) });
    expect(told['CI_COMMIT_MESSAGE']).toBe('x'.repeat(16 * 1024 - 1));
    expect(told['CI_COMMIT_TITLE']).toBe('x'.repeat(16 * 1024 - 1));
  });

  it('tell the server, and where it shows what runs', () => {
    const server = { version: '1.20.3', url: 'https://ci.example.com/foldline' };
    const facts = { server, project, pipelineId: 'p1' };
    expect(about(facts)).toMatchObject({
      CI_SERVER: 'yes',
      CI_SERVER_VERSION: '1.20.3',
      CI_SERVER_VERSION_MAJOR: '1',
      CI_SERVER_VERSION_MINOR: '20',
      CI_SERVER_VERSION_PATCH: '3',
      CI_SERVER_URL: server.url,
      CI_SERVER_PROTOCOL: 'https',
      CI_SERVER_HOST: 'ci.example.com',
      CI_SERVER_PORT: '443',
      CI_SERVER_FQDN: 'ci.example.com',
      CI_PROJECT_URL: `${server.url}/api/v1/projects/ada/engine`,
      CI_PIPELINE_URL: `${server.url}/api/ada/engine/pipelines/p1`,
    });
    expect(jobUrl({ ...facts, ref: { name: 'main', kind: 'branch' }, source: 'push' }, 'p1.0')).toBe(
      `${server.url}/api/ada/engine/jobs/p1.0`,
    );
  });

  it('name the port where the address has one', () => {
    const told = about({ server: { version: '1.0.0', url: 'http://127.0.0.1:8080' } });
    expect(told).toMatchObject({
      CI_SERVER_PORT: '8080',
      CI_SERVER_FQDN: '127.0.0.1:8080',
      CI_SERVER_HOST: '127.0.0.1',
    });
  });

  it('tell no address where the server does not know its own', () => {
    const told = about({ server: { version: '1.0.0' }, project, pipelineId: 'p1' });
    expect(Object.keys(told).filter((name) => name.endsWith('_URL') || name.endsWith('_HOST'))).toEqual([]);
  });
});

describe('The facts of a job', () => {
  it('are its name, that of all its copies, its stage and its image', () => {
    expect(jobFactVariables({ name: 'unit 1/2', definition: 'unit', stage: 'test', image: 'node:22' })).toEqual({
      CI_JOB_NAME: 'unit 1/2',
      CI_JOB_NAME_SLUG: 'unit-1-2',
      CI_JOB_GROUP_NAME: 'unit',
      CI_JOB_STAGE: 'test',
      CI_STAGE: 'test',
      CI_JOB_IMAGE: 'node:22',
    });
  });
});
