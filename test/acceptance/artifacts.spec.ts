import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, type PipelineAnswer } from '@foldline/client';
import { outputOf } from './output.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start();
}, START_MS);
afterAll(() => sandbox.stop(), START_MS);

type Artifact = { kind: string; name: string; files: number; status: string; committedAt: string; expiresAt?: string };
const artifactsOf = async (pipeline: PipelineAnswer, job: string): Promise<Artifact[]> =>
  (await sandbox.client.get<{ items: Artifact[] }>(`/api/${PROJECT}/jobs/${jobNamed(pipeline, job).id}/artifacts`))
    .items;
const run = (definition: string, files: Readonly<Record<string, string>> = {}): Promise<PipelineAnswer> => {
  sandbox.commitOnly(files);
  return sandbox.run(definition);
};

describe('S0-33 artifacts.expire_in', () => {
  it.each([
    ['1 second', 1],
    ['1 week', 7 * 24 * 3600],
    ['30 days', 30 * 24 * 3600],
    ['2h 30m', 9000],
  ])('of %s is the time after which they go', async (duration, seconds) => {
    const pipeline = await run(`build:\n  script: touch a\n  artifacts: {paths: [a], expire_in: ${duration}}\n`);
    const [artifact] = await artifactsOf(pipeline, 'build');
    const kept = (Date.parse(artifact!.expiresAt!) - Date.parse(artifact!.committedAt)) / 1000;
    expect(Math.abs(kept - seconds)).toBeLessThan(1);
  });

  it('of never keeps them', async () => {
    const pipeline = await run('build:\n  script: touch a\n  artifacts: {paths: [a], expire_in: never}\n');
    expect((await artifactsOf(pipeline, 'build'))[0]).not.toHaveProperty('expiresAt');
  });
});

describe('S0-34 artifacts.when', () => {
  const job = (when: string, ending: string): string =>
    `${when}-${ending}:\n  allow_failure: true\n  script: touch a && ${ending}\n  artifacts: {paths: [a], when: ${when}}\n`;

  it('keeps them for the outcomes it names', async () => {
    const names = ['on_success', 'on_failure', 'always'].flatMap((when) => [
      [when, 'true'] as const,
      [when, 'false'] as const,
    ]);
    const pipeline = await run(names.map(([when, ending]) => job(when, ending)).join(''));
    const kept = await Promise.all(
      names.map(async ([when, ending]) => (await artifactsOf(pipeline, `${when}-${ending}`)).length),
    );
    expect(kept).toEqual([1, 0, 0, 1, 1, 1]);
    expect(pipeline.status).toBe('success');
  });
});

describe('S0-35 artifacts.reports', () => {
  it.each([
    ['a list', '[coverage/, junit.xml]'],
    ['a map', '{junit: junit.xml, coverage_report: {coverage_format: cobertura, path: coverage/c.xml}}'],
  ])('as %s are kept apart from what later jobs get', async (_form, reports) => {
    const pipeline = await run(
      `stages: [one, two]\nbuild:\n  stage: one\n  script: mkdir coverage dist && touch coverage/c.xml junit.xml dist/app\n  artifacts: {paths: [dist/], reports: ${reports}}\nnext:\n  stage: two\n  script: ls\n`,
    );
    const artifacts = await artifactsOf(pipeline, 'build');
    expect(artifacts.map(({ kind, files }) => [kind, files]).toSorted()).toEqual([
      ['archive', 1],
      ['reports', 2],
    ]);
    expect(outputOf(await sandbox.log(jobNamed(pipeline, 'next').id))).toBe('dist\n');
  });
});

describe('S0-21 whose artifacts a job gets', () => {
  const SOURCES =
    'stages: [one, two]\na:\n  stage: one\n  script: echo a > a.txt\n  artifacts: {paths: [a.txt]}\nb:\n  stage: one\n  script: echo b > b.txt\n  artifacts: {paths: [b.txt]}\n';

  it.each([
    ['those of all earlier stages', '', 'a.txt\nb.txt\n'],
    ['those it names', '\n  dependencies: [b]', 'b.txt\n'],
    ['none when it names none', '\n  dependencies: []', ''],
    ['those of the jobs it needs', '\n  needs: [a]', 'a.txt\n'],
  ])('is %s', async (_whose, keyword, listed) => {
    const pipeline = await run(`${SOURCES}next:\n  stage: two\n  script: ls${keyword}\n`);
    expect(outputOf(await sandbox.log(jobNamed(pipeline, 'next').id))).toBe(listed);
  });
});

describe('S0-70 missing artifacts', () => {
  it('are named in the log of the job that should have made them', async () => {
    const pipeline = await run('build:\n  script: "true"\n  artifacts: {paths: [dist/, "*.none"]}\n');
    expect(pipeline.status).toBe('success');
    const log = await sandbox.log(jobNamed(pipeline, 'build').id);
    expect(log).toContain('WARNING: dist/: no matching files');
    expect(log).toContain('WARNING: *.none: no matching files');
  });

  it('are a warning of the plan when their job is not part of the pipeline', async () => {
    const pipeline = await run(
      'stages: [one, two]\nbuild:\n  stage: one\n  script: "true"\n  only: [develop]\ntest:\n  stage: two\n  script: "true"\n  dependencies: [build]\n',
    );
    expect(pipeline).toMatchObject({
      status: 'success',
      problems: [{ code: 'dependency-excluded', severity: 'warning' }],
    });
  });
});

describe('what must not leave or enter a workspace', () => {
  it('keeps no file outside it, whatever path or link a definition names', async () => {
    const refused = await run('build:\n  script: "true"\n  artifacts: {paths: [../secret]}\n');
    expect(refused).toMatchObject({ jobs: [], problems: [{ code: 'unsafe-path', line: 3 }] });
    const pipeline = await run(
      'build:\n  script: ln -s /etc/passwd stolen && ln -s / root && touch kept\n  artifacts: {paths: [stolen, root, root/etc/hostname, kept]}\n',
    );
    const url = `/api/${PROJECT}/jobs/${jobNamed(pipeline, 'build').id}/artifacts/files`;
    expect((await sandbox.client.raw('GET', `${url}/kept`)).status).toBe(200);
    for (const path of ['stolen', 'root/etc/hostname', 'root'])
      expect((await sandbox.client.raw('GET', `${url}/${path}`)).status).toBe(404);
  });

  it('starts each job in a clean one', async () => {
    const pipeline = await run(
      'stages: [one, two]\na:\n  stage: one\n  script: echo left > left.txt\nb:\n  stage: two\n  script: ls -A | grep -v "^[.]git$" | sort\n',
      {
        'kept.txt': 'x',
      },
    );
    expect(outputOf(await sandbox.log(jobNamed(pipeline, 'b').id))).toBe('.codara-ci.yml\nkept.txt\n');
  });
});

describe('S0-41 cache.policy', () => {
  it('of pull never saves, of push never restores', async () => {
    const definition = (policy: string): string =>
      `build:\n  script: mkdir -p kept && echo x >> kept/runs && wc -l < kept/runs\n  cache: {key: shared, paths: [kept/], policy: ${policy}}\n`;
    const lines = async (policy: string): Promise<string> =>
      outputOf(await sandbox.log(jobNamed(await run(definition(policy)), 'build').id)).trim();
    expect(await lines('pull')).toBe('1');
    expect(await lines('push')).toBe('1');
    expect(await lines('pull')).toBe('2');
    expect(await lines('pull')).toBe('2');
    expect(await lines('push')).toBe('1');
    expect(await lines('pull-push')).toBe('2');
    expect(await lines('pull')).toBe('3');
  });

  it('C14 keeps what unprotected branches saved away from the default branch', async () => {
    const definition =
      'build:\n  script: cat poison 2>/dev/null || echo clean; echo "$CI_COMMIT_REF_NAME" > poison\n  cache: {key: common, paths: [poison]}\n';
    sandbox.commitOnly({ '.codara-ci.yml': definition });
    sandbox.git('branch', '--force', 'topic');
    const shown = async (ref: string): Promise<string> =>
      outputOf(await sandbox.log((await sandbox.rested((await sandbox.trigger(ref)).id)).jobs[0]!.id));
    expect(await shown('topic')).toBe('clean\n');
    expect(await shown('topic')).toBe('topic\n');
    expect(await shown('main')).toBe('clean\n');
  });
});
