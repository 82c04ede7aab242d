import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, type PipelineAnswer } from '@foldline/client';
import { PROGRAMS, sample } from './samples.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start({}, PROGRAMS);
}, START_MS);
afterAll(() => sandbox.stop(), START_MS);

const statuses = ({ jobs }: PipelineAnswer): Record<string, string> =>
  Object.fromEntries(jobs.map(({ name, status }) => [name, status]));

describe('S0-74 Node.js project', () => {
  let pipeline: PipelineAnswer;
  beforeAll(async () => {
    pipeline = await sandbox.run(sample('S0-nodejs'));
  });

  it('builds, runs three shards and waits for a person to deploy', () => {
    expect(statuses(pipeline)).toEqual({
      build: 'success',
      'test 1/3': 'success',
      'test 2/3': 'success',
      'test 3/3': 'success',
      deploy: 'manual',
    });
  });

  it('S0-25 runs three shards, numbered from 0', async () => {
    const logs = await Promise.all([1, 2, 3].map((n) => sandbox.log(jobNamed(pipeline, `test ${n}/3`).id)));
    expect(logs.map((log) => /npm run test:shard:\d/.exec(log)?.[0])).toEqual(
      [0, 1, 2].map((index) => `npm run test:shard:${index}`),
    );
  });

  it('S0-23 reads the coverage out of a table', () => {
    expect(jobNamed(pipeline, 'test 2/3').coverage).toBe(91.25);
  });

  it('S0-37 gives every job the cache of the whole file', async () => {
    expect(await sandbox.log(jobNamed(pipeline, 'test 1/3').id)).toContain('Restored cache');
  });

  it('S0-17 deploys the build when it is played', async () => {
    await sandbox.client.post(`/api/${PROJECT}/jobs/${jobNamed(pipeline, 'deploy').id}/play`);
    const played = await sandbox.jobIs(pipeline.id, 'deploy', 'success');
    expect(await sandbox.log(jobNamed(played, 'deploy').id)).toContain(`deployed app of ${pipeline.sha.slice(0, 8)}`);
  });
});

describe('S0-74 Python project', () => {
  let onTag: PipelineAnswer;
  beforeAll(async () => {
    sandbox.commitOnly({ '.codara-ci.yml': sample('S0-python-on-tag'), 'requirements.txt': 'pytest\n' });
    sandbox.git('tag', 'v1.0');
    onTag = await sandbox.rested((await sandbox.trigger('v1.0')).id);
  });

  it('tests three versions, builds a wheel and uploads it on a tag', async () => {
    expect(statuses(onTag)).toEqual({
      'test: [3.9]': 'success',
      'test: [3.10]': 'success',
      'test: [3.11]': 'success',
      build: 'success',
      deploy: 'success',
    });
    expect(await sandbox.log(jobNamed(onTag, 'deploy').id)).toContain('twine upload dist/app-1.0-py3-none-any.whl');
  });

  it('S0-27 gives 3.10 to the job as it is written', async () => {
    expect(await sandbox.log(jobNamed(onTag, 'test: [3.10]').id)).toContain('pytest --cov on 3.10\n');
  });

  it('S0-35 keeps the report that is named in a list', async () => {
    const { items } = await sandbox.client.get<{ items: { kind: string; files: number }[] }>(
      `/api/${PROJECT}/jobs/${jobNamed(onTag, 'test: [3.9]').id}/artifacts`,
    );
    expect(items).toMatchObject([{ kind: 'reports', files: 1 }]);
  });

  it('S0-18 does not deploy from a branch', async () => {
    const pipeline = await sandbox.run(sample('S0-python'));
    expect(pipeline.status).toBe('success');
    expect(Object.keys(statuses(pipeline))).not.toContain('deploy');
  });
});
