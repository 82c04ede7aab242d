import { existsSync, symlinkSync } from 'node:fs';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROJECT, Sandbox, START_MS, type PipelineAnswer } from '@foldline/client';
import { isAlive } from './gate.ts';
import { sample } from './samples.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start();
}, START_MS);
afterAll(() => sandbox.stop(), START_MS);

const run = (definition: string): Promise<PipelineAnswer> => {
  sandbox.commitOnly({});
  return sandbox.run(definition);
};

describe('A definition with mistakes', () => {
  let pipeline: PipelineAnswer;
  beforeAll(async () => {
    pipeline = await run(sample('every-mistake-at-once'));
  });

  it('runs nothing and is told about as failed', () => {
    expect(pipeline).toMatchObject({ status: 'failed', jobs: [] });
  });

  it('has every mistake named at once, with its place', () => {
    const errors = pipeline.problems.filter(({ severity }) => severity === 'error');
    expect(errors.length).toBeGreaterThan(12);
    for (const { file, line, column, message } of errors) {
      expect(file).toBe('.codara-ci.yml');
      expect(line).toBeGreaterThan(0);
      expect(column).toBeGreaterThan(0);
      expect(message.length).toBeGreaterThan(10);
    }
  });

  it('has a hint where the right word is known', () => {
    expect(pipeline.problems).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ code: 'unknown-stage', line: 8, column: 10, hint: 'Did you mean `build`?' }),
        expect.objectContaining({ code: 'unknown-keyword', line: 9, column: 3, hint: 'Did you mean `script`?' }),
      ]),
    );
  });

  it('has a page in the documents for each of its problems', () => {
    const pages = pipeline.problems.map(({ code }) => new URL(`../../docs/problems/${code}.md`, import.meta.url));
    expect(pages.filter((page) => !existsSync(page))).toEqual([]);
  });
});

/** Nine levels of ten aliases each: a thousand million values. */
const BOMB = Array.from({ length: 9 }, (_, level) =>
  level === 0
    ? 'a0: &a0 [x, x]'
    : `a${level}: &a${level} [${Array(10)
        .fill(`*a${level - 1}`)
        .join(', ')}]`,
).join('\n');

const HOSTILE: readonly (readonly [string, string, string])[] = [
  ['an alias bomb', BOMB, 'alias-limit'],
  ['an alias of itself', 'a: &a [*a]\n', 'alias-limit'],
  ['brackets 100,000 deep', `a: ${'['.repeat(100_000)}`, 'too-deep'],
  ['braces 100,000 deep', `a: ${'{a: '.repeat(100_000)}`, 'too-deep'],
  ['dashes 100,000 deep', `a:\n  ${'- '.repeat(100_000)}x\n`, 'too-deep'],
  ['a file of 1 MiB', `# ${'x'.repeat(1024 * 1024)}\nbuild:\n  script: "true"\n`, 'file-too-large'],
  ['a key that is a prototype', '__proto__:\n  polluted: yes\nbuild:\n  script: "true"\n', 'forbidden-key'],
  ['a NUL', 'build:\n  script: "tr\u0000ue"\n', 'binary-content'],
  ['a custom tag', 'build:\n  script: !!js/function "x"\n', 'custom-tag'],
  ['10,000 keys', Array.from({ length: 10_000 }, (_, key) => `k${key}: {script: "true"}`).join('\n'), 'too-many-keys'],
  ['a million copies', `build:\n  script: "true"\n  parallel: 1000000\n`, ''],
  [
    'a matrix of 10^12',
    `build:\n  script: "true"\n  matrix:\n${Array.from({ length: 6 }, (_, n) => `    ${n === 0 ? '-' : ' '} V${n}: [${Array.from({ length: 100 }, (_x, v) => v).join(',')}]`).join('\n')}\n`,
    'matrix-too-large',
  ],
  ['a pattern that would backtrack', 'build:\n  script: "true"\n  only: ["/^(a+)+$/"]\n', ''],
  ['nothing at all', '', ''],
  ['a list', '- a\n- b\n', ''],
  ['a number', '42\n', ''],
];

describe('A hostile definition', () => {
  it.each(HOSTILE)('that is %s is refused, and the server goes on as it was', async (_what, definition, code) => {
    const { pids } = sandbox.server;
    const pipeline = await run(definition);
    expect(['failed', 'skipped']).toContain(pipeline.status);
    expect(pipeline.jobs).toEqual([]);
    expect(pipeline.problems.length).toBeGreaterThan(0);
    if (code) expect(pipeline.problems.map((problem) => problem.code)).toContain(code);
    expect(pids.filter((pid) => !isAlive(pid))).toEqual([]);
    expect((await sandbox.client.raw('GET', '/healthz')).status).toBe(200);
  });

  it('is not followed when it is a link out of the repository', async () => {
    sandbox.commitOnly({});
    symlinkSync('/etc/passwd', join(sandbox.repository, '.codara-ci.yml'));
    sandbox.git('add', '--all');
    sandbox.git('commit', '--quiet', '-m', 'a link');
    const pipeline = await sandbox.rested((await sandbox.trigger()).id);
    expect(pipeline).toMatchObject({ status: 'failed', jobs: [] });
    expect(JSON.stringify(pipeline)).not.toContain('root:');
  });

  it('is missed in words when there is none, or when it is a directory', async () => {
    const cases: [Record<string, string>, string][] = [
      [{ 'a.txt': 'x' }, 'no-definition'],
      [{ '.codara-ci.yml/inner': 'x' }, 'definition-not-a-file'],
    ];
    for (const [files, code] of cases) {
      sandbox.commitOnly(files);
      const pipeline = await sandbox.rested((await sandbox.trigger()).id);
      expect(pipeline).toMatchObject({ status: 'failed', jobs: [], problems: [{ code, file: '.codara-ci.yml' }] });
    }
  });

  it('shows the commit that it was in, by itself and in the list, as one that runs does', async () => {
    const cases: [string, Record<string, string>][] = [
      ['Break the definition', { '.codara-ci.yml': 'build: [' }],
      ['Forget the definition', { 'a.txt': 'x' }],
    ];
    for (const [message, files] of cases) {
      const sha = sandbox.commitOnly(files, message);
      const refused = await sandbox.rested((await sandbox.trigger()).id);
      expect(refused).toMatchObject({ status: 'failed', jobs: [], sha, message });
      const { items } = await sandbox.client.get<{ items: unknown[] }>(`/api/${PROJECT}/pipelines?limit=1`);
      expect(items).toMatchObject([{ id: refused.id, sha, message }]);
    }
  });

  it('leaves room for the next one, which runs', async () => {
    expect((await run('build:\n  script: "true"\n')).status).toBe('success');
  });
});

describe('A commit that does not exist', () => {
  it('is accepted as an id, and its pipeline says that it could not be fetched', async () => {
    const pipeline = await sandbox.rested((await sandbox.trigger(`${'0'.repeat(39)}1`)).id);
    expect(pipeline).toMatchObject({ status: 'failed', jobs: [], problems: [{ code: 'commit-unavailable' }] });
  });
});

describe('A request that is refused', () => {
  const JSON_TYPE = { 'content-type': 'application/json' };
  type Shown = { position: number; actor: { kind: string } };
  /** The last event that a person has caused; services may still be busy with what was asked for before. */
  const lastOfPeople = async (): Promise<number> => {
    let last = 0;
    for (let after = 0; ;) {
      const { items } = await sandbox.client.get<{ items: Shown[] }>(`/api/v1/events?after=${after}&limit=1000`);
      if (items.length === 0) return last;
      after = items.at(-1)!.position;
      last = items.findLast(({ actor }) => actor.kind === 'user')?.position ?? last;
    }
  };
  const pipelines = `/api/${PROJECT}/pipelines`;
  const deep = `{"ref": "main", "variables": ${'{"a":'.repeat(60)}1${'}'.repeat(60)}}`;

  it.each([
    ['an unknown ref', pipelines, '{"ref": "no-such-branch"}', 422, 'unknown_ref'],
    ['a ref that is an option', pipelines, '{"ref": "--upload-pack=touch /tmp/owned"}', 422, 'invalid_ref'],
    ['no ref', pipelines, '{}', 400, 'invalid_request'],
    ['a ref that is a number', pipelines, '{"ref": 1}', 400, 'invalid_request'],
    ['variables that are a list', pipelines, '{"ref": "main", "variables": ["a"]}', 400, 'invalid_request'],
    ['a variable that is a number', pipelines, '{"ref": "main", "variables": {"A": 1}}', 422, 'invalid_variable'],
    ['a reserved variable', pipelines, '{"ref": "main", "variables": {"CI_JOB_ID": "x"}}', 422, 'invalid_variable'],
    ['an unknown field', pipelines, '{"ref": "main", "branch": "main"}', 400, 'invalid_request'],
    ['a prototype', pipelines, '{"ref": "main", "__proto__": {"a": 1}}', 400, ''],
    ['broken JSON', pipelines, '{"ref": ', 400, 'malformed_json'],
    ['a list as body', pipelines, '[]', 400, ''],
    ['a body nested too deep', pipelines, deep, 400, 'malformed_json'],
    ['an unknown project', '/api/acme/none/pipelines', '{"ref": "main"}', 404, 'not_found'],
    [
      'a repository that is not there',
      '/api/v1/projects',
      '{"owner": "a", "name": "b", "url": "/no/such/repo"}',
      422,
      'repository_unreachable',
    ],
    [
      'a repository address that runs programs',
      '/api/v1/projects',
      '{"owner": "a", "name": "b", "url": "ext::sh -c touch% /tmp/owned"}',
      422,
      'invalid_url',
    ],
    ['an owner that climbs', '/api/v1/projects', '{"owner": "..", "name": "b", "url": "/tmp"}', 422, 'invalid_name'],
    ['an unknown job', `/api/${PROJECT}/jobs/01m7y66hcy5m03ffg0rt5pfsvk.0/retry`, '{}', 404, 'not_found'],
    ['an unknown pipeline', `${pipelines}/01m7y66hcy5m03ffg0rt5pfsvk/cancel`, '{}', 404, 'not_found'],
    [
      'a variable with a bad name',
      `/api/${PROJECT}/variables`,
      '{"key": "A B", "value": "x"}',
      422,
      'invalid_variable',
    ],
    [
      'a flag that is a text',
      `/api/${PROJECT}/variables`,
      '{"key": "A", "value": "x", "masked": "yes"}',
      400,
      'invalid_request',
    ],
  ])('because of %s says what is wrong and records nothing', async (_what, path, body, status, code) => {
    const before = await lastOfPeople();
    const response = await sandbox.client.raw('POST', path, { headers: JSON_TYPE, body });
    const problem = (await response.json()) as { status: number; code: string; title: string; type: string };
    expect([response.status, problem.code]).toEqual([status, code || problem.code]);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(problem).toMatchObject({ status, title: expect.any(String), type: expect.any(String) });
    expect(await lastOfPeople()).toBe(before);
  });

  it('because of its content type, method or path is refused too', async () => {
    const before = await lastOfPeople();
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await sandbox.client.raw('POST', pipelines, { headers: form, body: 'ref=main' })).status).toBe(415);
    expect((await sandbox.client.raw('PUT', pipelines, { headers: JSON_TYPE, body: '{}' })).status).toBe(405);
    expect([400, 404]).toContain((await sandbox.client.raw('GET', '/api/%ZZ/x/pipelines')).status);
    expect((await sandbox.client.raw('GET', `${pipelines}?limit=1000000`)).status).toBe(400);
    expect((await sandbox.client.raw('GET', `${pipelines}?surprise=1`)).status).toBe(400);
    expect((await sandbox.client.raw('GET', `${pipelines}?cursor=..%2f`)).status).toBe(400);
    expect(await lastOfPeople()).toBe(before);
  });

  it('because of its size is refused before its body was sent', async () => {
    const before = await lastOfPeople();
    const { url, token } = sandbox.client.connection;
    const headers = { ...JSON_TYPE, authorization: `Bearer ${token}`, 'content-length': 6 * 1024 * 1024 };
    const call = request(url + pipelines, { method: 'POST', headers });
    call.flushHeaders();
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    expect(await json(response)).toMatchObject({ code: 'payload_too_large' });
    call.on('error', () => undefined).destroy();
    expect(await lastOfPeople()).toBe(before);
  });

  it('names every wrong field at once', async () => {
    const response = await sandbox.client.raw('POST', '/api/v1/projects', {
      headers: JSON_TYPE,
      body: '{"owner": 1, "extra": 2}',
    });
    const { errors } = (await response.json()) as { errors: { pointer: string }[] };
    expect(errors.map(({ pointer }) => pointer)).toEqual(expect.arrayContaining(['/owner', '/name', '/url', '/extra']));
  });

  it('needs the token before anything else is looked at', async () => {
    const { url } = sandbox.client.connection;
    const body = '{"ref": ';
    const wrong = await fetch(url + pipelines, {
      method: 'POST',
      headers: { ...JSON_TYPE, authorization: 'Bearer wrong' },
      body,
    });
    expect(wrong.status).toBe(401);
    expect((await fetch(`${url}/api/v1/events`)).status).toBe(401);
  });
});
