import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, type PipelineAnswer } from '@foldline/client';
import { outputOf } from './output.ts';
import { sample } from './samples.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start();
}, START_MS);
afterAll(() => sandbox.stop(), START_MS);

/** The variables of the seed's list, as `env` prints them in a job. */
const printed = async (pipeline: PipelineAnswer, job: string): Promise<Record<string, string>> => {
  const lines = outputOf(await sandbox.log(jobNamed(pipeline, job).id)).split('\n');
  const pairs = lines.filter((line) => line.includes('=')).map((line) => line.split('=') as [string, string]);
  return Object.fromEntries(pairs);
};
const PRINT = 'env | grep -E "^(CI_|CUSTOM_|DEPLOY_|GIVEN|NESTED|BOTH)" | sort';

describe('S0-48…S0-53 built-in variables', () => {
  let pipeline: PipelineAnswer;
  let copy: Record<string, string>;
  beforeAll(async () => {
    sandbox.commitOnly(
      {
        '.codara-ci.yml': `stages: [check]\n"show:all":\n  stage: check\n  cluster: low-power\n  parallel: 2\n  script: ${PRINT}\n`,
      },
      'Say hello',
    );
    sandbox.git('branch', '--force', 'feature/Ünder_Score');
    pipeline = await sandbox.rested((await sandbox.trigger('feature/Ünder_Score')).id);
    copy = await printed(pipeline, 'show:all 2/2');
  });

  it('S0-48 tells the commit, the ref and the message', () => {
    expect(copy).toMatchObject({
      CI_COMMIT_SHA: pipeline.sha,
      CI_COMMIT_SHORT_SHA: pipeline.sha.slice(0, 8),
      CI_COMMIT_REF_NAME: 'feature/Ünder_Score',
      CI_COMMIT_MESSAGE: 'Say hello',
    });
  });

  it('S0-53 tells the ref in a form that is safe in keys', () => {
    expect(copy['CI_COMMIT_REF_SLUG']).toBe('feature--nder-score');
  });

  it('S0-49 tells the project', () => {
    expect(copy).toMatchObject({ CI_PROJECT_OWNER: 'acme', CI_PROJECT_NAME: 'shop' });
  });

  it('S0-50 tells the job', () => {
    expect(copy).toMatchObject({
      CI_JOB_ID: jobNamed(pipeline, 'show:all 2/2').id,
      CI_JOB_NAME: 'show:all 2/2',
      CI_STAGE: 'check',
    });
  });

  it('S0-51 tells the cluster', () => {
    expect(copy).toMatchObject({ CI_CLUSTER_ID: 'local-low', CI_CLUSTER_POWER: 'low-power' });
  });

  it('S0-52 counts copies from 0, and from 1 in CI_NODE_NUMBER', () => {
    expect(copy).toMatchObject({ CI_NODE_INDEX: '1', CI_NODE_TOTAL: '2', CI_NODE_NUMBER: '2' });
  });

  it('knows every name of the list in the first document', () => {
    const names = sample('S0-builtin-variables').match(/^[A-Z_]+/gm)!;
    expect(names).toHaveLength(13);
    expect(names.filter((name) => !Object.hasOwn(copy, name))).toEqual([]);
  });
});

describe('S0-54, S0-56 variables of the file and of the request', () => {
  const definition = `${sample('S0-variables')}
show:
  variables: {NESTED: "$CUSTOM_VAR-\${CI_COMMIT_REF_NAME}", BOTH: job}
  script: ${PRINT}
`;
  const shown = async (variables: Readonly<Record<string, string>>): Promise<Record<string, string>> => {
    sandbox.commitOnly({ '.codara-ci.yml': definition });
    return printed(await sandbox.rested((await sandbox.trigger('main', variables)).id), 'show');
  };

  it('S0-06 gives what the file declares, expanded', async () => {
    expect(await shown({})).toMatchObject({
      CUSTOM_VAR: 'value',
      DEPLOY_URL: 'https://example.com',
      NESTED: 'value-main',
      BOTH: 'job',
    });
  });

  it('S0-56 lets the request win', async () => {
    const variables = { DEPLOY_URL: 'https://staging.example', BOTH: 'request', GIVEN: 'yes' };
    expect(await shown(variables)).toMatchObject(variables);
  });

  it('never runs a value as a command', async () => {
    expect((await shown({ GIVEN: '$(echo run)`echo run`;echo run' }))['GIVEN']).toBe('$(echo run)`echo run`;echo run');
  });

  it('refuses a variable that changes what programs do', async () => {
    await expect(sandbox.trigger('main', { LD_PRELOAD: '/tmp/x.so' })).rejects.toMatchObject({
      status: 422,
      code: 'invalid_variable',
    });
  });
});

describe('S0-55 project variables', () => {
  const set = (key: string, value: string, flags: object = {}): Promise<unknown> =>
    sandbox.client.post(`/api/${PROJECT}/variables`, { key, value, ...flags });

  it('are given to jobs, and changed by setting them again', async () => {
    await set('DEPLOY_REGION', 'north');
    await set('DEPLOY_REGION', 'south');
    const pipeline = await sandbox.run(`show:\n  script: ${PRINT}\n`);
    expect((await printed(pipeline, 'show'))['DEPLOY_REGION']).toBe('south');
  });

  it('are gone when they are removed', async () => {
    await set('DEPLOY_GONE', 'x');
    expect((await sandbox.client.raw('DELETE', `/api/${PROJECT}/variables/DEPLOY_GONE`)).status).toBe(204);
    const pipeline = await sandbox.run(`show:\n  script: ${PRINT}\n`);
    expect(await printed(pipeline, 'show')).not.toHaveProperty('DEPLOY_GONE');
  });

  it('go to the default branch only when they are protected', async () => {
    await set('DEPLOY_GUARDED', 'guarded', { protected: true });
    const onMain = await sandbox.run(`show:\n  script: ${PRINT}\n`);
    sandbox.git('branch', '--force', 'topic');
    const onTopic = await sandbox.rested((await sandbox.trigger('topic')).id);
    expect((await printed(onMain, 'show'))['DEPLOY_GUARDED']).toBe('guarded');
    expect(await printed(onTopic, 'show')).not.toHaveProperty('DEPLOY_GUARDED');
  });
});
