import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, until, type PipelineAnswer } from '@foldline/client';
import { outputOfJob } from './output.ts';

const URL = 'https://ci.example.com/foldline';
/** Made by the job, so that no definition and no command holds it. */
const MADE = 'hand-ed-on-4711';
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start({ FOLDLINE_URL: `${URL}/` });
}, START_MS);
afterAll(() => sandbox.stop(), START_MS);

describe('Variables that a job hands on', () => {
  let pipeline: PipelineAnswer;
  beforeAll(async () => {
    sandbox.commitOnly({
      '.codara-ci.yml': `stages: [build, use]
build:
  stage: build
  script: echo "VERSION=hand-ed-on-$((4700 + 11))" > build.env
  artifacts: { reports: { dotenv: build.env } }
use:
  stage: use
  when: manual
  script: test "$VERSION" = ${MADE.slice(0, 4)}"${MADE.slice(4)}" && echo it has come
`,
    });
    const { id } = await sandbox.trigger();
    const waiting = await sandbox.rested(id);
    // What was handed on before the system went down is there when it is back.
    await sandbox.server.kill();
    await sandbox.restart();
    await sandbox.client.post(`/api/${PROJECT}/jobs/${jobNamed(waiting, 'use').id}/play`);
    pipeline = await sandbox.rested(id);
  }, START_MS);

  it('come to a job that a person starts after a restart', async () => {
    expect(pipeline.status).toBe('success');
    expect(await outputOfJob(sandbox, pipeline, 'use')).toContain('it has come');
  });

  it('are in no event and in no log', async () => {
    const events = await sandbox.client.get<{ items: unknown[] }>('/api/v1/events?limit=1000&after=0');
    expect(JSON.stringify(events)).toContain('"kind":"dotenv"');
    const logs = await Promise.all(pipeline.jobs.map(({ id }) => sandbox.log(id)));
    expect(JSON.stringify([events, logs])).not.toContain(MADE);
  });

  it('are listed as an artifact of their own', async () => {
    const { id } = jobNamed(pipeline, 'build');
    const headers = { accept: 'application/json' };
    const response = await sandbox.client.raw('GET', `/api/${PROJECT}/jobs/${id}/artifacts`, { headers });
    expect(await response.json()).toMatchObject({ items: [{ kind: 'dotenv', files: 1 }] });
  });

  it('fail the job in words when later jobs could not read them', async () => {
    const failed = await sandbox.run(
      'wrong:\n  script: echo nothing > build.env\n  artifacts: { reports: { dotenv: build.env } }\n',
    );
    expect(jobNamed(failed, 'wrong')).toMatchObject({ status: 'failed', reason: 'invalid_dotenv', exitCode: 0 });
    expect(jobNamed(failed, 'wrong').detail).toBe('build.env, line 1: this is not NAME=value');
  });
});

describe('The address of an environment that only its job knows', () => {
  it('is shown when the job has succeeded', async () => {
    const pipeline = await sandbox.run(`review:
  script: echo "HOST=shop-$((40 + 2)).example.com" > host.env
  environment: { name: review, url: "https://$HOST/" }
  artifacts: { reports: { dotenv: host.env } }
`);
    expect(jobNamed(pipeline, 'review').environment).toEqual({ name: 'review', url: 'https://shop-42.example.com/' });
    type Environments = { items: { name: string; current?: { url?: string } }[] };
    // The deployer hears of the job's end when everybody else does.
    const current = await until('what runs in the environment', async () => {
      const { items } = await sandbox.client.get<Environments>(`/api/${PROJECT}/environments`);
      return items.find(({ name }) => name === 'review')?.current;
    });
    expect(current.url).toBe('https://shop-42.example.com/');
  });
});

describe('Variables of the project', () => {
  it('are what the environment, the file and the words of GitLab’s API say', async () => {
    const set = (key: string, value: string, traits: object) =>
      sandbox.client.post(`/api/${PROJECT}/variables`, { key, value, ...traits });
    await set('PLACE', 'everywhere', {});
    await set('PLACE', 'in reviews', { environment_scope: 'review/*' });
    await set('CONFIG', 'user: shop\n', { variable_type: 'file' });
    await set('HELLO', 'hello $PLACE', { raw: false });
    const pipeline = await sandbox.run(`.show:
  script: echo "$PLACE, $HELLO, $(cat $CONFIG), $(stat -c %a $CONFIG)"
review: { extends: .show, environment: review/1 }
nowhere: { extends: .show }
`);
    expect(await outputOfJob(sandbox, pipeline, 'review')).toContain('in reviews, hello in reviews, user: shop, 600');
    expect(await outputOfJob(sandbox, pipeline, 'nowhere')).toContain('everywhere, hello everywhere, user: shop, 600');
  });

  it('are changed, and named by their environment where there are several', async () => {
    const change = async (query: string, body: object): Promise<number> => {
      const request = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
      return (await sandbox.client.raw('PUT', `/api/${PROJECT}/variables/PLACE${query}`, request)).status;
    };
    expect(await change('', { value: 'x' })).toBe(409);
    expect(await change('?environment_scope=elsewhere', { value: 'x' })).toBe(404);
    expect(await change('?environment_scope=*', { value: 'somewhere' })).toBe(200);
    const pipeline = await sandbox.run('show:\n  script: echo "it is $PLACE"\n');
    expect(await outputOfJob(sandbox, pipeline, 'show')).toContain('it is somewhere');
  });
});

describe('Predefined variables', () => {
  it('tell where people find the pipeline and the job, and who made the commit', async () => {
    const pipeline = await sandbox.run(`show:
  script: env | grep ^CI_
  after_script: echo "then $CI_JOB_STATUS"
`);
    const output = await outputOfJob(sandbox, pipeline, 'show');
    const { id } = jobNamed(pipeline, 'show');
    for (const line of [
      `CI_SERVER_URL=${URL}`,
      `CI_PIPELINE_URL=${URL}/api/${PROJECT}/pipelines/${pipeline.id}`,
      `CI_JOB_URL=${URL}/api/${PROJECT}/jobs/${id}`,
      'CI_COMMIT_AUTHOR=Sandbox <sandbox@foldline.example>',
      'CI_CONFIG_PATH=.codara-ci.yml',
      'CI_JOB_STATUS=running',
      'then success',
    ])
      expect(output.split('\n')).toContain(line);
    expect(output).toMatch(/^CI_COMMIT_TIMESTAMP=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/m);
    expect(output).toMatch(/^CI_PIPELINE_CREATED_AT=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/m);
  });
});
