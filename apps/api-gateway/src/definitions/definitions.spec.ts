import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { triggerStream, type PipelineRequested, type RecordedEvent } from '@foldline/contracts';
import { closeAndRemove, startGateway, type StartedGateway } from '../gateway.fixture.ts';

const RULED = `
include: ci/more.yml
ship:
  script: make ship
  rules:
    - if: $CI_COMMIT_TAG
      variables: { TARGET: store }
    - if: $TOKEN =~ /^open/ && $GIVEN =~ /^y/
    - if: $CI_PIPELINE_SOURCE == "schedule"
`;
const MORE = 'more: { script: make more }\n';

let gateway: StartedGateway;
let projectId: string;
beforeAll(async () => {
  gateway = await startGateway();
  const { url } = gateway.repository;
  const git = (...args: string[]): unknown =>
    execFileSync('git', ['-C', url, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args]);
  const commit = (files: Record<string, string>, branch: string): void => {
    git('checkout', '--quiet', '-b', branch);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(url, path)), { recursive: true });
      writeFileSync(join(url, path), text);
    }
    git('add', '--all');
    git('commit', '--quiet', '-m', branch);
  };
  commit({ '.codara-ci.yml': RULED, 'ci/more.yml': MORE }, 'ruled');
  git('tag', 'v1');
  git('tag', 'main', 'develop');
  commit({ '.codara-ci.yml': 'ship: { script: make, tmeout: 1m }\n' }, 'broken');
  git('rm', '--quiet', '.codara-ci.yml');
  commit({ 'README.md': 'read me' }, 'without');
  git('checkout', '--quiet', 'main');
  const registered = await gateway.as('post', '/api/v1/projects').send({ owner: 'ada', name: 'engine', url });
  projectId = registered.body.id;
  for (const [key, isProtected] of Object.entries({ TOKEN: false, HIDDEN: true }))
    await gateway
      .as('post', '/api/ada/engine/variables')
      .send({ key, value: 'open sesame', masked: true, protected: isProtected })
      .expect(201);
});
afterAll(() => closeAndRemove(gateway));

const preview = (query: string) => gateway.as('get', `/api/ada/engine/plan-preview?${query}`);
const jobsOf = async (query: string): Promise<string[]> => {
  const { body } = await preview(query).expect(200);
  return body.plan.jobs.map(({ name }: { name: string }) => name);
};
const lint = (body: object) => gateway.as('post', '/api/v1/lint').send(body);
const codesOf = (body: { problems: { code: string }[] }): string[] => body.problems.map(({ code }) => code);

describe('The preview of a plan', () => {
  it('is for a push to the default branch unless it is asked for something else', async () => {
    const { body } = await preview('').expect(200);
    expect(body).toMatchObject({
      ref: { name: 'main', kind: 'branch', protected: true },
      sha: gateway.repository.main,
      source: 'push',
      plan: { version: 1, jobs: [{ name: 'build' }], decisions: [{ definition: 'build', created: true }] },
    });
  });

  it('follows the ref, the event and the variables that are asked for', async () => {
    expect(await jobsOf('ref=ruled')).toEqual(['more']);
    expect(await jobsOf('ref=ruled&variables[GIVEN]=yes')).toEqual(['more', 'ship']);
    expect(await jobsOf('ref=ruled&event=schedule')).toEqual(['more', 'ship']);
    expect(await jobsOf('ref=v1&event=tag')).toEqual(['more', 'ship']);
    expect(await jobsOf(`ref=${gateway.repository.develop}&event=api`)).toEqual(['build']);
  });

  it('is of the tag when a tag is asked for, also where a branch is called so', async () => {
    const { body } = await preview('ref=main&event=tag').expect(200);
    expect(body).toMatchObject({ ref: { kind: 'tag', protected: false }, sha: gateway.repository.develop });
    await preview('ref=ruled&event=tag').expect(422, /unknown_ref/);
  });

  it('tells no value of the project, also where it decided', async () => {
    const { text } = await preview('ref=ruled&variables[GIVEN]=yes').expect(200);
    expect(text).toContain('TOKEN is set');
    expect(text).not.toContain('open sesame');
  });

  it('is refused with every problem and its page, as a pipeline would be', async () => {
    const { body } = await preview('ref=broken').expect(200);
    expect(body).toMatchObject({ sha: expect.any(String), problems: [{ code: 'unknown-keyword', line: 1 }] });
    expect(body.problems[0].type).toBe('/docs/problems/unknown-keyword');
    expect(body).not.toHaveProperty('plan');
    const { body: without } = await preview('ref=without').expect(200);
    expect(without).toMatchObject({ problems: [{ code: 'no-definition' }], decisions: [] });
    const { body: nowhere } = await preview(`ref=${'f'.repeat(40)}`).expect(200);
    expect(nowhere).toMatchObject({ problems: [{ code: 'commit-unavailable' }] });
  });

  it.each([
    ['ref=none', 422, 'unknown_ref'],
    ['ref=--upload-pack%3Dtouch', 422, 'invalid_ref'],
    ['ref=', 400, 'invalid_request'],
    ['ref=main&ref=develop', 400, 'invalid_request'],
    ['event=merge_request_event', 400, 'invalid_request'],
    ['before=HEAD', 400, 'invalid_request'],
    ['before=--output%3Dx', 400, 'invalid_request'],
    ['surprise=1', 400, 'invalid_request'],
    ['variables=A', 400, 'invalid_request'],
    ['variables[A B]=1', 422, 'invalid_variable'],
    ['variables[CI_JOB_ID]=1', 422, 'invalid_variable'],
    ['variables[A]=1&variables[A]=2', 422, 'invalid_variable'],
    ['variables[constructor]=1', 400, 'invalid_request'],
  ])('is refused for %s', async (query, status, code) => {
    const { body } = await preview(query).expect(status);
    expect(body).toMatchObject({ code, fix: expect.any(String) });
  });

  it('is refused of a project that is not there, and to strangers', async () => {
    await gateway.as('get', '/api/ada/none/plan-preview').expect(404);
    await gateway.anonymous.get('/api/ada/engine/plan-preview').expect(401);
  });

  it('records nothing, and is what a pipeline is then planned with', async () => {
    const before = await gateway.ports.eventStore.lastPosition();
    const { body } = await preview('ref=ruled').expect(200);
    expect(await gateway.ports.eventStore.lastPosition()).toBe(before);
    const { body: asked } = await gateway.as('post', '/api/ada/engine/pipelines').send({ ref: 'ruled' }).expect(202);
    const [request] = await gateway.ports.eventStore.readStream(triggerStream(asked.id), 0, 1);
    const { data } = request as RecordedEvent<string, ReturnType<typeof PipelineRequested>['data']>;
    expect({ ref: body.ref, sha: body.sha }).toEqual({ ref: data.ref, sha: data.sha });
    expect(data.projectVariables.map(({ key }) => key)).toEqual(['TOKEN']);
  });

  it('waits for a slow repository without keeping others waiting, and so many may wait', async () => {
    const { sourceRepository } = gateway.ports;
    const { fetchCommit } = sourceRepository;
    let waiting: Promise<number>[] = [];
    let goOn = (): void => {};
    const slow = new Promise<void>((resolve) => (goOn = resolve));
    await new Promise<void>((allHaveBegun) => {
      let begun = 0;
      sourceRepository.fetchCommit = async (commit) => {
        begun += 1;
        if (begun === 8) allHaveBegun();
        await slow;
        return fetchCommit.call(sourceRepository, commit);
      };
      waiting = Array.from({ length: 8 }, () => preview('ref=develop').then(({ status }) => status));
    });
    const { body, headers } = await preview('ref=develop').expect(429);
    expect(body.code).toBe('too_many_definitions');
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    await lint({ definition: MORE }).expect(200, { valid: true, problems: [] });
    sourceRepository.fetchCommit = fetchCommit;
    goOn();
    expect(await Promise.all(waiting)).toEqual(Array(8).fill(200));
  });
});

describe('A definition', () => {
  it('is linted: every mistake with its place and its page', async () => {
    const { body } = await lint({ definition: 'a: { scrpt: x }\nb: { script: x, needs: [c] }\n' }).expect(200);
    expect(body.valid).toBe(false);
    expect(codesOf(body)).toEqual(expect.arrayContaining(['unknown-keyword', 'needs-missing-job']));
    expect(body.problems[0]).toMatchObject({
      file: '.codara-ci.yml',
      line: 1,
      type: expect.stringContaining('/docs/problems/'),
    });
  });

  it('is valid with warnings, which are told', async () => {
    const { body } = await lint({ definition: 'include: nothing/*.yml\na: { script: x }\n', file: 'ci.yml' }).expect(
      200,
    );
    expect(body).toMatchObject({ valid: true, problems: [{ code: 'include-missing-file', file: 'ci.yml' }] });
  });

  it.each([
    ['is no YAML', 'a: [', 'yaml-syntax'],
    ['has 600 KiB', `# ${'x'.repeat(600 * 1024)}\n${MORE}`, 'file-too-large'],
    ['is empty', '', 'no-jobs'],
    ['was made to break its reader', 'a: ['.repeat(5000), 'too-deep'],
  ])('that %s is told to be so', async (_what, definition, code) => {
    const { body } = await lint({ definition }).expect(200);
    expect({ valid: body.valid, codes: codesOf(body) }).toEqual({ valid: false, codes: [code] });
  });

  it('is linted with files that come with it, by name and by pattern', async () => {
    const definition = 'include: ci/*.yml\na: { script: x, needs: [more] }\n';
    await lint({ definition, files: { 'ci/more.yml': MORE } }).expect(200, { valid: true, problems: [] });
    const { body } = await lint({ definition, files: { 'ci/more.yml': 'more: { scrpt: x }\n' } }).expect(200);
    expect(body.problems[0]).toMatchObject({ file: 'ci/more.yml' });
  });

  it('is told what to send along when it includes something and names no project', async () => {
    const definition = `include: [ci/more.yml, { project: ada/engine, file: ci/more.yml }]\na: { extends: .more, script: x }\n`;
    const { body } = await lint({ definition }).expect(200);
    expect(body.problems).toMatchObject([
      { code: 'include-missing-file', hint: expect.stringContaining('`files`, or name the `project`') },
      { code: 'include-not-looked-up', severity: 'warning', hint: expect.stringContaining('Name the `project`') },
    ]);
    const files = { 'ci/moer.yml': MORE };
    const { body: misspelt } = await lint({ definition: `include: ci/more.yml\n${MORE}`, files }).expect(200);
    expect(misspelt.problems).toMatchObject([{ hint: expect.stringContaining('ci/moer.yml') }]);
  });

  it('is linted with the files of a project, by its id or its name, of which those that come with it are newer', async () => {
    const definition = 'include: ci/more.yml\na: { script: x, needs: [more] }\n';
    for (const project of [projectId, 'ada/engine', 'Ada/Engine'])
      await lint({ definition, project, ref: 'ruled' }).expect(200, { valid: true, problems: [] });
    const { body: missing } = await lint({ definition, project: projectId }).expect(200);
    expect(codesOf(missing)).toContain('include-missing-file');
    const files = { 'ci/more.yml': 'other: { script: x }\n' };
    const { body: newer } = await lint({ definition, project: projectId, ref: 'ruled', files }).expect(200);
    expect(codesOf(newer)).toEqual(['needs-missing-job']);
  });

  it('is linted with what includes name by variables that are the same for all pipelines of the project', async () => {
    const job = 'a: { script: x, needs: [more] }\n';
    const own = '{ project: $CI_PROJECT_NAMESPACE/engine, ref: ruled, file: ci/more.yml }';
    const lintIncluding = async (include: string): Promise<string[]> => {
      const { body } = await lint({ definition: `include: [${include}]\n${job}`, project: projectId }).expect(200);
      return codesOf(body);
    };
    expect(await lintIncluding(own)).toEqual([]);
    expect(await lintIncluding('{ local: ci/$CI_COMMIT_BRANCH.yml }')).toEqual(['include-not-looked-up']);
    expect(await lintIncluding('{ component: gitlab.example/ada/engine/tool@1 }')).toContain('include-not-allowed');
  });

  it.each([
    [{}, 400, 'invalid_request', '/definition'],
    [{ definition: 1 }, 400, 'invalid_request', '/definition'],
    [{ definition: MORE, files: ['a'] }, 400, 'invalid_request', '/files'],
    [{ definition: MORE, files: { 'ci/a.yml': 1 } }, 400, 'invalid_request', '/files/ci~1a.yml'],
    [{ definition: MORE, files: { '../a.yml': '' } }, 400, 'invalid_request', '/files/..~1a.yml'],
    [{ definition: MORE, file: '/etc/passwd' }, 400, 'invalid_request', '/file'],
    [{ definition: MORE, ref: 'main' }, 400, 'invalid_request', '/ref'],
    [{ definition: MORE, surprise: 1 }, 400, 'invalid_request', '/surprise'],
    [{ definition: MORE, project: 'ada/none' }, 404, 'not_found', '/project'],
    [{ definition: MORE, project: '../../etc' }, 404, 'not_found', '/project'],
    [{ definition: MORE, project: 'ada/engine', ref: '-u' }, 422, 'invalid_ref', '/ref'],
  ])('is not looked at in a body such as %j', async (body, status, code, pointer) => {
    const { body: problem } = await lint(body).expect(status);
    expect(problem).toMatchObject({ code, errors: [{ pointer }] });
  });

  it('is not looked at with more files than any may include, at a ref that is not there, or for strangers', async () => {
    const files = Object.fromEntries(Array.from({ length: 151 }, (_, n) => [`ci/${n}.yml`, '']));
    const { body } = await lint({ definition: MORE, files }).expect(400);
    expect(body.errors).toMatchObject([{ pointer: '/files' }]);
    await lint({ definition: MORE, project: 'ada/engine', ref: 'none' }).expect(422, /unknown_ref/);
    await gateway.anonymous.post('/api/v1/lint').send({ definition: MORE }).expect(401);
  });
});
