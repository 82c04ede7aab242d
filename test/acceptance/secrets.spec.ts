import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, type PipelineAnswer } from '@foldline/client';
import { outputOf } from './output.ts';
import { PROGRAMS, sample } from './samples.ts';

const SECRET = 'correct-horse-battery-staple';
const KEY = 'line one of a private key\nline two of a private key\n';
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start({}, PROGRAMS);
  const { client } = sandbox;
  await client.post(`/api/${PROJECT}/variables`, { key: 'API_KEY', value: SECRET, protected: true, masked: true });
  await client.post(`/api/${PROJECT}/secrets`, {
    path: 'production/deploy_key',
    value: Buffer.from(KEY).toString('base64'),
  });
}, START_MS);
afterAll(() => sandbox.stop(), START_MS);

/** Forms in which the value must not be seen anywhere. */
const FORMS = [SECRET, Buffer.from(SECRET).toString('base64'), Buffer.from(SECRET).toString('hex')];
const leaks = (text: string): string[] => FORMS.filter((form) => text.includes(form));
const everything = async (path: string): Promise<string> => JSON.stringify(await sandbox.client.get(path));

describe('S0-68 a masked variable', () => {
  let pipeline: PipelineAnswer;
  let log: string;
  beforeAll(async () => {
    pipeline = await sandbox.run(`leak:
  script:
    - echo "plain $API_KEY end"
    - printf '%s' "\${API_KEY%horse*}"; sleep 0.1; printf '%s\\n' "horse\${API_KEY#*horse}"
    - printf '%s' "$API_KEY" | base64
    - printf '%s' "$API_KEY" | od -An -tx1 | tr -d ' \\n'; echo
    - echo "$API_KEY" >&2
    - test "$API_KEY" = ${SECRET.slice(0, 8)}"${SECRET.slice(8)}" && echo the job has it
    - mkdir out && echo "$API_KEY" > out/kept.txt
    - false
  artifacts: {paths: [out/], when: always, name: "build-$API_KEY"}
  cache: {paths: [out/], when: always, key: "$API_KEY", fallback_keys: ["x-$API_KEY-"]}
`);
    log = await sandbox.log(jobNamed(pipeline, 'leak').id);
  });

  it('is there for the job', () => {
    expect(log).toContain('the job has it');
  });

  it('is not in the log: not plain, not in two writes, not in base64 or hex, not from standard error', () => {
    expect(leaks(log)).toEqual([]);
    expect(outputOf(log)).toContain('plain [masked] end');
  });

  it('is not in any event of the log of everything', async () => {
    let after: string | undefined = '0';
    let pages = '';
    while (after !== undefined) {
      const page: { items: unknown[]; nextCursor?: string } = await sandbox.client.get(
        `/api/v1/events?limit=1000&after=${after}`,
      );
      pages += JSON.stringify(page.items);
      after = page.nextCursor;
    }
    expect(pages).toContain('VariableSet');
    expect(leaks(pages)).toEqual([]);
  });

  it('is not in what the API says about the pipeline, the job, its artifacts and the variables', async () => {
    const job = `/api/${PROJECT}/jobs/${jobNamed(pipeline, 'leak').id}`;
    const paths = [`/api/${PROJECT}/pipelines/${pipeline.id}`, `/api/${PROJECT}/pipelines/${pipeline.id}/events`];
    const answers = [job, `${job}/why`, `${job}/artifacts`, `/api/${PROJECT}/variables`, ...paths];
    expect(leaks((await Promise.all(answers.map(everything))).join('\n'))).toEqual([]);
  });

  it('is in no file of the data directory but the artifact and the cache that the job itself made of it', () => {
    const found = execFileSync('sh', ['-c', `grep -rlaF -e '${SECRET}' . || true`], {
      cwd: sandbox.server.dataDirectory,
      encoding: 'utf8',
    });
    expect(
      found
        .trim()
        .split('\n')
        .filter((path) => path !== '' && !/^\.\/(objects|runners\/layers\/files)\//.test(path)),
    ).toEqual([]);
  });

  it('is refused when it is too short to be masked', async () => {
    const set = sandbox.client.post(`/api/${PROJECT}/variables`, { key: 'PIN', value: '1234', masked: true });
    await expect(set).rejects.toMatchObject({ status: 422, code: 'not_maskable' });
  });
});

describe('S0-29 a secret of the vault', () => {
  it('is given to the job of the sample under the name it asks for', async () => {
    const pipeline = await sandbox.run(sample('S0-secrets'), { 'dist/index.html': '<p>hello</p>' });
    const output = outputOf(await sandbox.log(jobNamed(pipeline, 'deploy').id));
    expect(output).toContain('scp -i key.pem dist/index.html server:/var/www/');
    expect(output).toContain(`${KEY.length}\n`);
  });

  it('is not given to a job that does not ask for it', async () => {
    const pipeline = await sandbox.run('quiet:\n  script: env\n');
    const log = await sandbox.log(jobNamed(pipeline, 'quiet').id);
    expect(log).toContain('CI_JOB_NAME=quiet');
    expect(log).not.toContain('DEPLOY_KEY');
  });

  it('fails the job in words when the vault does not have it', async () => {
    const pipeline = await sandbox.run('deploy:\n  script: "true"\n  secrets: {KEY: {vault: nowhere/key}}\n');
    expect(jobNamed(pipeline, 'deploy')).toMatchObject({ status: 'failed', reason: 'config_error' });
    expect(jobNamed(pipeline, 'deploy').detail).toContain('no secret "nowhere/key"');
  });

  it('is listed by its path alone', async () => {
    expect(await sandbox.client.get(`/api/${PROJECT}/secrets`)).toEqual({ items: [{ path: 'production/deploy_key' }] });
  });
});
