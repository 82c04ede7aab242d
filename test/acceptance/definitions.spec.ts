import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROJECT, Sandbox, START_MS, type ProblemAnswer } from '@foldline/client';
import type { Plan, PlanDecision } from '@foldline/contracts';

const JSON_TYPE = { 'content-type': 'application/json' };
const PREVIEW = `/api/${PROJECT}/plan-preview`;
const DEFINITION = `
include: ci/*.yml
ship:
  script: make ship
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH && $LEVEL =~ /sealed/ && $GIVEN
    - if: $CI_COMMIT_TAG
`;
const INCLUDED = 'test: { script: make test }\n';

type Linted = { valid: boolean; problems: (ProblemAnswer & { type: string })[] };
type Previewed = { ref: object; sha: string; source: string; plan: Plan };
type Planned = { jobs: { name: string }[]; decisions: PlanDecision[]; stages: string[] };

let sandbox: Sandbox;
const lastPosition = async (): Promise<number> => {
  let last = 0;
  for (;;) {
    const { items } = await sandbox.client.get<{ items: { position: number }[] }>(
      `/api/v1/events?after=${last}&limit=1000`,
    );
    if (items.length === 0) return last;
    last = items.at(-1)!.position;
  }
};
const asked = async (method: string, path: string, body?: string) => {
  const request = body === undefined ? {} : { headers: JSON_TYPE, body };
  const response = await sandbox.client.raw(method, path, request);
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
};

beforeAll(async () => {
  sandbox = await Sandbox.start();
  await sandbox.client.post(`/api/${PROJECT}/variables`, { key: 'LEVEL', value: 'a-sealed-value', masked: true });
  sandbox.commit({ '.codara-ci.yml': DEFINITION, 'ci/test.yml': INCLUDED });
  sandbox.git('tag', 'v1');
}, START_MS);
afterAll(() => sandbox.stop(), START_MS);

describe('A plan that is previewed', () => {
  const preview = (query: string): Promise<Previewed> => sandbox.client.get(`${PREVIEW}?${query}`);

  it('is the one that a pipeline gets which is requested that way, and leaves no trace', async () => {
    const before = await lastPosition();
    const { plan, sha, ref, source } = await preview('ref=main&event=api&variables[GIVEN]=yes');
    expect(await lastPosition()).toBe(before);
    expect({ sha, ref, source }).toEqual({
      sha: sandbox.git('rev-parse', 'HEAD'),
      ref: { name: 'main', kind: 'branch', protected: true },
      source: 'api',
    });
    const { id } = await sandbox.trigger('main', { GIVEN: 'yes' });
    await sandbox.rested(id);
    const planned = await sandbox.client.get<Planned>(`/api/${PROJECT}/pipelines/${id}/plan`);
    expect(planned.jobs.map(({ name }) => name)).toEqual(['test', 'ship']);
    expect(plan.jobs.map(({ name }) => name)).toEqual(['test', 'ship']);
    expect({ decisions: plan.decisions, stages: plan.stages }).toEqual({
      decisions: planned.decisions,
      stages: planned.stages,
    });
  });

  it('follows the ref, the event and the variables, and tells no value of the project', async () => {
    const withoutVariable = await preview('ref=main');
    expect(withoutVariable.plan.jobs.map(({ name }) => name)).toEqual(['test']);
    expect(JSON.stringify(withoutVariable)).toContain('LEVEL is set');
    expect(JSON.stringify(withoutVariable)).not.toContain('a-sealed-value');
    const ofTag = await preview('ref=v1&event=tag');
    expect(ofTag.plan.jobs.map(({ name }) => name)).toEqual(['test', 'ship']);
  });

  it.each([
    ['an unknown ref', `${PREVIEW}?ref=none`, 422, 'unknown_ref'],
    ['a branch in the place of a tag', `${PREVIEW}?ref=main&event=tag`, 422, 'unknown_ref'],
    ['a ref that is an option', `${PREVIEW}?ref=--upload-pack=touch`, 422, 'invalid_ref'],
    ['an unknown event', `${PREVIEW}?event=party`, 400, 'invalid_request'],
    ['a reserved variable', `${PREVIEW}?variables[PATH]=/tmp`, 422, 'invalid_variable'],
    ['an unknown project', '/api/acme/none/plan-preview', 404, 'not_found'],
  ])('is refused because of %s, with what to do', async (_what, path, status, code) => {
    expect(await asked('GET', path)).toMatchObject({ status, answer: { status, code, fix: expect.any(String) } });
  });
});

describe('A definition that is linted', () => {
  const lint = (body: object): Promise<Linted> => sandbox.client.post('/api/v1/lint', body);
  const repeated = { definition: DEFINITION, files: { 'ci/test.yml': INCLUDED } };

  it('is valid without a problem, with the files that come with it or those of the project', async () => {
    const before = await lastPosition();
    expect(await lint(repeated)).toEqual({ valid: true, problems: [] });
    const { items } = await sandbox.client.get<{ items: { id: string }[] }>('/api/v1/projects');
    for (const project of [PROJECT, items[0]!.id])
      expect(await lint({ definition: 'include: ci/test.yml\n', project })).toEqual({ valid: true, problems: [] });
    expect(await lastPosition()).toBe(before);
  });

  it('is told every mistake with its place, its page and what to do', async () => {
    const { valid, problems } = await lint({
      definition: 'a: { script: x, tmeout: 1m }\nb: { script: x, needs: [c] }\n',
    });
    expect(valid).toBe(false);
    expect(problems).toMatchObject([
      { code: 'unknown-keyword', line: 1, column: 17, hint: 'Did you mean `timeout`?' },
      { code: 'needs-missing-job', line: 2, type: '/docs/problems/needs-missing-job' },
    ]);
  });

  it.each([
    ['no YAML', 'a: [', 'yaml-syntax'],
    ['600 KiB', `# ${'x'.repeat(600 * 1024)}\n${INCLUDED}`, 'file-too-large'],
    ['brackets 100,000 deep', `a: ${'['.repeat(100_000)}`, 'too-deep'],
    ['a NUL', 'a: { script: "\u0000" }', 'binary-content'],
  ])('is told to be %s', async (_what, definition, code) => {
    expect(await lint({ definition })).toMatchObject({ valid: false, problems: [{ code }] });
  });

  it.each([
    ['no definition', '{}', 400, 'invalid_request', '/definition'],
    ['a definition that is a map', '{"definition": {}}', 400, 'invalid_request', '/definition'],
    ['files that are a list', '{"definition": "", "files": []}', 400, 'invalid_request', '/files'],
    ['a file that is a number', '{"definition": "", "files": {"a.yml": 1}}', 400, 'invalid_request', '/files/a.yml'],
    ['a file outside', '{"definition": "", "files": {"../a.yml": ""}}', 400, 'invalid_request', '/files/..~1a.yml'],
    ['an unknown field', '{"definition": "", "text": ""}', 400, 'invalid_request', '/text'],
    ['an unknown project', '{"definition": "", "project": "acme/none"}', 404, 'not_found', '/project'],
  ])('is not looked at in a body with %s', async (_what, body, status, code, pointer) => {
    expect(await asked('POST', '/api/v1/lint', body)).toMatchObject({
      status,
      answer: { code, errors: [{ pointer }] },
    });
  });

  it('is not looked at in a body that is no JSON, too large or empty', async () => {
    expect(await asked('POST', '/api/v1/lint', '{"definition": ')).toMatchObject({ status: 400 });
    expect(await asked('POST', '/api/v1/lint')).toMatchObject({ status: 400 });
    const huge = JSON.stringify({ definition: 'x'.repeat(6 * 1024 * 1024) });
    expect(await asked('POST', '/api/v1/lint', huge)).toMatchObject({ status: 413 });
  });
});

describe('Who asks about definitions', () => {
  it('needs the token', async () => {
    const { url } = sandbox.client.connection;
    expect((await fetch(`${url}${PREVIEW}`)).status).toBe(401);
    expect((await fetch(`${url}/api/v1/lint`, { method: 'POST', headers: JSON_TYPE, body: '{}' })).status).toBe(401);
  });

  it('is answered as docs/api.md shows', async () => {
    const page = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
    const section = /^## Definitions\n([^]*?)^## /m.exec(page)![1]!;
    const commands = section.replaceAll('\\\n', ' ').match(/^curl .*$/gm)!;
    const answers = [];
    for (const command of commands) {
      const path = /\$BASE([^"\s]+)/.exec(command)![1]!.replace('ada/engine', PROJECT);
      const body = /-d '([^']+)'/.exec(command)?.[1]?.replace('ada/engine', PROJECT);
      answers.push(await asked(body === undefined ? 'GET' : 'POST', path, body));
    }
    expect(answers).toMatchObject([
      { status: 200, answer: { valid: true, problems: [] } },
      { status: 200, answer: { valid: false, problems: [{ code: 'missing-script' }, { code: 'unknown-keyword' }] } },
      { status: 200, answer: { source: 'push', plan: { version: 1 } } },
      { status: 200, answer: { source: 'schedule', plan: { version: 1 } } },
    ]);
  });
});
