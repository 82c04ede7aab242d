import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, type ProblemAnswer } from '@foldline/client';
import type { IncludedFile, Plan } from '@foldline/contracts';
import { outputOfJob } from './output.ts';

const IDENTITY = ['-c', 'user.name=Ada', '-c', 'user.email=ada@foldline.example', '-c', 'commit.gpgsign=false'];
const REMOTE = 'lint:\n  script: echo linted from afar\n';
const COMPONENT = 'spec: { inputs: { word: { default: none } } }\n---\nsay:\n  script: echo said $[[ inputs.word ]]\n';
const TEST = 'test:\n  script: echo tested\n';
const JSON_TYPE = { 'content-type': 'application/json' };

type Planned = { jobs: { name: string }[]; included: IncludedFile[] };

let sandbox: Sandbox;
let web: Server;
let address: string;
let asked: string[];
let commit: string;

const startLibrary = async (): Promise<void> => {
  const url = join(sandbox.directory, 'library');
  const git = (...args: string[]): string =>
    execFileSync('git', [...IDENTITY, ...args], { cwd: url, encoding: 'utf8' }).trim();
  mkdirSync(join(url, 'templates'), { recursive: true });
  git('init', '--quiet', '--initial-branch=main');
  writeFileSync(join(url, 'templates/say.yml'), COMPONENT);
  git('add', '--all');
  git('commit', '--quiet', '-m', 'say');
  git('tag', 'v1.4.0');
  commit = git('rev-parse', 'HEAD');
  await sandbox.client.post('/api/v1/projects', { owner: 'acme', name: 'library', url });
};

beforeAll(async () => {
  asked = [];
  web = createServer((request, response) => {
    asked.push(request.url!);
    response.end(REMOTE);
  }).listen(0, '127.0.0.1');
  await once(web, 'listening');
  address = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  sandbox = await Sandbox.start({
    FOLDLINE_URL: 'https://ci.example.com',
    FOLDLINE_INCLUDE_HOSTS: address,
    FOLDLINE_ALLOW_PRIVATE_TARGETS: 'true',
  });
  await startLibrary();
}, START_MS);
afterAll(async () => {
  await sandbox.stop();
  web.closeAllConnections();
  if (web.listening) await new Promise((resolve) => web.close(resolve));
}, START_MS);

const planOf = (id: string): Promise<Planned> => sandbox.client.get(`/api/${PROJECT}/pipelines/${id}/plan`);
const preview = (): Promise<{ plan?: Plan; problems?: ProblemAnswer[] }> =>
  sandbox.client.get(`/api/${PROJECT}/plan-preview?ref=main`);
const linted = async (definition: string): Promise<{ valid: boolean; problems: ProblemAnswer[] }> => {
  const body = JSON.stringify({ definition, project: PROJECT, ref: 'main' });
  const response = await sandbox.client.raw('POST', '/api/v1/lint', { headers: JSON_TYPE, body });
  return (await response.json()) as Awaited<ReturnType<typeof linted>>;
};

describe('A definition that includes a file of an address', () => {
  it('has the jobs of what was there once, however often they are run', async () => {
    const pipeline = await sandbox.run(`include: ${address}/lint.yml?token=4711\n${TEST}`);
    expect(pipeline.status).toBe('success');
    expect(await outputOfJob(sandbox, pipeline, 'lint')).toContain('linted from afar');
    const sha256 = createHash('sha256').update(REMOTE).digest('hex');
    expect((await planOf(pipeline.id)).included).toEqual([{ kind: 'remote', url: `${address}/lint.yml`, sha256 }]);
    const before = asked.length;
    await sandbox.server.kill();
    await sandbox.restart();
    await sandbox.client.post(`/api/${PROJECT}/jobs/${jobNamed(pipeline, 'lint').id}/retry`);
    expect((await sandbox.rested(pipeline.id)).status).toBe('success');
    expect(asked).toHaveLength(before);
  });

  it('is previewed as it would be planned', async () => {
    sandbox.commitOnly({ '.codara-ci.yml': `include: ${address}/lint.yml\n${TEST}` });
    const { plan } = await preview();
    expect(plan?.jobs.map(({ name }) => name)).toEqual(['lint', 'test']);
    expect(plan?.included).toMatchObject([{ kind: 'remote' }]);
  });

  it('is refused where the operator has not named the host, and nobody is asked', async () => {
    const before = asked.length;
    const elsewhere = address.replace('127.0.0.1', 'localhost');
    const { status, problems } = await sandbox.run(`include: ${elsewhere}/lint.yml\n${TEST}`);
    expect(status).toBe('failed');
    expect(problems).toMatchObject([
      { code: 'include-not-allowed', line: 1, hint: expect.stringContaining('FOLDLINE_INCLUDE_HOSTS') },
    ]);
    expect(asked).toHaveLength(before);
  });
});

describe('A definition that includes a component of another project', () => {
  const definition = `include:
  - component: $CI_SERVER_FQDN/acme/library/say@1
    inputs: { word: hello }
${TEST}`;
  const setCallers = (...callers: string[]): Promise<Response> =>
    sandbox.client.raw('PUT', '/api/acme/library/callers', { headers: JSON_TYPE, body: JSON.stringify({ callers }) });

  it('is refused while that project does not let it, and the preview says so at once', async () => {
    const { status, problems } = await sandbox.run(definition);
    const expected = [
      { code: 'include-not-allowed', line: 2, hint: expect.stringContaining('PUT /api/acme/library/callers') },
    ];
    expect({ status, problems }).toMatchObject({ status: 'failed', problems: expected });
    expect(await preview()).toMatchObject({ problems: expected });
  });

  it('runs once that project lets it, and the plan says of which commit it is', async () => {
    expect((await setCallers(PROJECT)).status).toBe(200);
    const pipeline = await sandbox.run(definition);
    expect(pipeline.status).toBe('success');
    expect(await outputOfJob(sandbox, pipeline, 'say')).toContain('said hello');
    expect((await planOf(pipeline.id)).included).toMatchObject([
      { kind: 'component', project: 'acme/library', component: 'say', version: '1', commit },
    ]);
  });

  it('is linted with what it includes', async () => {
    await setCallers(PROJECT);
    const { valid, problems } = await linted('include: [{ component: acme/library/say@v9.0.0 }]\n' + TEST);
    expect({ valid, problems }).toMatchObject({ valid: false, problems: [{ code: 'include-unknown-ref' }] });
    expect(await linted('include: [{ component: acme/library/say@1 }]\n' + TEST)).toMatchObject({ valid: true });
  });
});
