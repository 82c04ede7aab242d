import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, type PipelineAnswer } from '@foldline/client';
import { outputOf } from './output.ts';
import { PROGRAMS, sample } from './samples.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start({}, PROGRAMS);
}, START_MS);
afterAll(() => sandbox.stop(), START_MS);

/** Runs one definition in a repository that holds nothing else. */
const run = async (
  definition: string,
  files: Readonly<Record<string, string>> = {},
  variables: Readonly<Record<string, string>> = {},
): Promise<PipelineAnswer> => {
  sandbox.commitOnly({ ...files, '.codara-ci.yml': definition });
  return sandbox.rested((await sandbox.trigger('main', variables)).id);
};
const statuses = ({ jobs }: PipelineAnswer): Record<string, string> =>
  Object.fromEntries(jobs.map(({ name, status }) => [name, status]));
const logOf = (pipeline: PipelineAnswer, name: string): Promise<string> => sandbox.log(jobNamed(pipeline, name).id);
const at = async (ref: string, definition: string): Promise<PipelineAnswer> => {
  sandbox.commitOnly({ '.codara-ci.yml': definition });
  if (ref === 'v1.0') sandbox.git('tag', '--force', ref);
  else if (ref !== 'main') sandbox.git('branch', '--force', ref);
  return sandbox.rested((await sandbox.trigger(ref)).id);
};

describe('S0-24 the first sample, whose unquoted coverage is no YAML', () => {
  let pipeline: PipelineAnswer;
  beforeAll(async () => {
    pipeline = await run(sample('S0-flagship'));
  });

  it('is read all the same, with a warning that shows where and what to write', () => {
    expect(pipeline.problems).toMatchObject([
      { code: 'coverage-quoted', severity: 'warning', file: '.codara-ci.yml', line: 35 },
    ]);
    expect(pipeline.problems[0]!.hint).toContain(`'/Coverage: (\\d+\\.\\d+)%/'`);
  });

  it('S0-02 builds, then tests, and S0-17 waits for a person to deploy', () => {
    expect(statuses(pipeline)).toEqual({ build: 'success', test: 'success', deploy: 'manual' });
  });

  it('S0-13 runs each job on a cluster of the power it asks for', () => {
    expect(pipeline.jobs.slice(0, 2).map(({ cluster }) => cluster?.power)).toEqual(['high-power', 'low-power']);
  });

  it('S0-21 gives the test what the build made', async () => {
    expect(await logOf(pipeline, 'test')).toContain('unit tests saw the build');
  });

  it('S0-23 finds the coverage in the log', () => {
    expect(jobNamed(pipeline, 'test').coverage).toBe(87.5);
  });

  it('S0-22 deploys to its environment when a person plays it', async () => {
    const { id } = jobNamed(pipeline, 'deploy');
    await sandbox.client.post(`/api/${PROJECT}/jobs/${id}/play`);
    const played = await sandbox.jobIs(pipeline.id, 'deploy', 'success');
    expect(await logOf(played, 'deploy')).toContain(`deployed app of ${pipeline.sha.slice(0, 8)} to production`);
    expect(jobNamed(played, 'deploy').environment).toEqual({ name: 'production', url: 'https://app.example.com' });
  });

  it('S0-18 has no deploy on another branch', async () => {
    expect(statuses(await at('develop', sample('S0-flagship-on-develop')))).toEqual({
      build: 'success',
      test: 'success',
    });
  });
});

describe('S0-27 matrix builds', () => {
  it('runs the six combinations with their values as variables', async () => {
    const pipeline = await run(sample('S0-matrix'));
    expect(statuses(pipeline)).toEqual(
      Object.fromEntries(
        ['16', '18', '20'].flatMap((node) => ['ubuntu', 'windows'].map((os) => [`test: [${node}, ${os}]`, 'success'])),
      ),
    );
    expect(jobNamed(pipeline, 'test: [18, windows]').matrix).toEqual({ NODE_VERSION: '18', OS: 'windows' });
  });

  it('S0-26 runs one job per value of parallel: matrix', async () => {
    const pipeline = await run(sample('S0-parallel-matrix'));
    expect(pipeline.jobs).toHaveLength(5);
    expect(await logOf(pipeline, 'test: [4]')).toContain('npm run test:shard:4');
  });
});

describe('S0-37 the cache sample', () => {
  it('is empty at first and there for the next pipeline of the branch', async () => {
    const definition = `${sample('S0-cache')}\nbuild:\n  script:\n    - npm ci\n    - cat node_modules/marker\n`;
    const first = await run(definition);
    expect(await logOf(first, 'build')).toContain('No cache for main');
    const second = await run(definition);
    const log = await logOf(second, 'build');
    expect(log).toContain('Restored cache main: 1 files');
    expect(log).toContain('installed\ninstalled\n');
  });

  it('S0-39 has a key made of the files named', async () => {
    const definition = `${sample('S0-cache-key-files')}\nbuild:\n  script: npm ci\n`;
    const files = { 'package-lock.json': '{"lockfileVersion": 3}' };
    expect(await logOf(await run(definition, files), 'build')).toContain('Saved cache');
    expect(await logOf(await run(definition, { ...files, 'other.txt': 'x' }), 'build')).toContain('Restored cache');
    expect(await logOf(await run(definition, { 'package-lock.json': '{}' }), 'build')).toContain('No cache for');
  });

  it('S0-42 falls back to the newest entry that a key ending in a hyphen begins', async () => {
    const definition = `${sample('S0-fallback-keys')}\nbuild:\n  script: mkdir -p .cache && date >> .cache/runs && wc -l < .cache/runs\n`;
    const first = await run(definition);
    const second = await run(definition, { 'other.txt': 'another commit' });
    const log = await logOf(second, 'build');
    expect(log).toContain(`Restored cache main-${first.sha}: 1 files`);
    expect(log).toMatch(/^2$/m);
  });
});

describe('S0-30 the artifacts samples', () => {
  const build = (script: string): string => `build:\n  script:\n    - ${script}\n`;
  const list = async (pipeline: PipelineAnswer, name: string) =>
    (
      await sandbox.client.get<{ items: { name: string; files: number; expiresAt: string; committedAt: string }[] }>(
        `/api/${PROJECT}/jobs/${jobNamed(pipeline, name).id}/artifacts`,
      )
    ).items;

  it('S0-32, S0-33 keeps directories and globs, named after the commit, for thirty days', async () => {
    const definition = `${sample('S0-artifacts')}\n${build('mkdir -p dist build && touch dist/a dist/b.tmp build/c d.log e.tmp')}`;
    const pipeline = await run(definition);
    const [artifact] = await list(pipeline, 'build');
    expect(artifact).toMatchObject({ name: `build-${pipeline.sha.slice(0, 8)}` });
    const days = (Date.parse(artifact!.expiresAt) - Date.parse(artifact!.committedAt)) / (24 * 3600 * 1000);
    expect(days).toBeCloseTo(30, 3);
    const log = await logOf(pipeline, 'build');
    expect(log).toContain('Uploaded artifacts');
  });

  it('S0-31 leaves out maps and logs at any depth', async () => {
    const definition = `${sample('S0-artifacts-exclude')}\n${build('mkdir -p dist/deep && touch dist/app.js dist/app.map dist/deep/x.map dist/deep/y.log dist/deep/z.css')}`;
    const [artifact] = await list(await run(definition), 'build');
    expect(artifact).toMatchObject({ files: 2 });
  });

  it('S0-21 gives the jobs named under dependencies', async () => {
    const before = ['build', 'test'].map(
      (name) =>
        `${name}:\n  stage: ${name}\n  script: mkdir -p dist && touch dist/${name}.txt\n  artifacts: {paths: [dist/]}\n`,
    );
    const pipeline = await run(`${before.join('\n')}\n${sample('S0-dependencies')}`);
    expect(pipeline.status).toBe('success');
    expect(await logOf(pipeline, 'deploy')).toContain('build.txt\ntest.txt\n');
  });
});

describe('S0-18, S0-19 the conditional sample', () => {
  it('deploys to staging on develop', async () => {
    expect(statuses(await at('develop', sample('S0-conditional-develop')))).toEqual({ 'deploy-staging': 'success' });
  });

  it('offers production on a tag', async () => {
    expect(statuses(await at('v1.0', sample('S0-conditional-tag')))).toEqual({ 'deploy-production': 'manual' });
  });

  it('has nothing to do on main, and says of each job why', async () => {
    const pipeline = await run(sample('S0-conditional-main'));
    expect(pipeline).toMatchObject({ status: 'skipped', jobs: [], problems: [{ code: 'no-jobs' }] });
    expect(pipeline.problems[0]!.message).toContain('only: [develop] does not match branch main');
  });
});

describe('S0-10, S0-11 the Docker samples on a server without Docker', () => {
  it('keeps a job with an image or services waiting, and says what is lacking', async () => {
    sandbox.commitOnly({ '.codara-ci.yml': sample('S0-docker') });
    const { id } = await sandbox.trigger();
    await sandbox.waitsFor(id, 'docker-build', 'no_docker');
    await sandbox.client.post(`/api/${PROJECT}/pipelines/${id}/cancel`);
    expect((await sandbox.rested(id)).status).toBe('cancelled');
  });

  it('S0-74 runs the multi-stage sample, which only calls docker, in order', async () => {
    const pipeline = await run(sample('S0-docker-multistage'), { Dockerfile: 'FROM scratch\n' });
    expect(statuses(pipeline)).toEqual({ build: 'success', test: 'success', deploy: 'success' });
    expect(outputOf(await logOf(pipeline, 'deploy'))).toContain(
      `docker push app:${pipeline.sha}\ndocker tag app:${pipeline.sha}`,
    );
  });
});

describe('the smaller samples', () => {
  it('S0-09 runs after_script behind the script', async () => {
    const log = await logOf(await run(sample('S0-notify')), 'notify');
    expect(outputOf(log)).toBe('Deployment complete\ncurl -X POST https://hooks.slack.com/... -d Deployed!\n');
  });

  it('S0-25, S0-52 runs five copies and warns that shards count from one', async () => {
    const pipeline = await run(sample('S0-parallel'));
    expect(pipeline.problems).toMatchObject([{ code: 'shard-index-zero', severity: 'warning' }]);
    expect(pipeline.problems[0]!.hint).toContain('CI_NODE_NUMBER');
    const shards = await Promise.all(
      pipeline.jobs.map(async ({ id }) => /--shard=\d\/\d/.exec(await sandbox.log(id))?.[0]),
    );
    expect(shards).toEqual([0, 1, 2, 3, 4].map((index) => `--shard=${index}/5`));
  });

  it('S0-07 stops at the first command that fails', async () => {
    const pipeline = await run(sample('S0-fail-fast'), {}, { LINT_EXIT: '3' });
    expect(jobNamed(pipeline, 'test')).toMatchObject({ status: 'failed', exitCode: 1, reason: 'script_failure' });
    expect(outputOf(await logOf(pipeline, 'test'))).toBe('npm run lint\n');
  });

  it.each([
    ['main', 'build:full'],
    ['develop', 'build:incremental'],
  ])('S0-08 runs a folded if with its line breaks back on %s, and warns', async (ref, script) => {
    const pipeline = await at(ref, sample('S0-incremental'));
    expect(pipeline).toMatchObject({ status: 'success', problems: [{ code: 'folded-shell', severity: 'warning' }] });
    expect(outputOf(await logOf(pipeline, 'build'))).toBe(`npm run ${script}\n`);
  });

  it('S0-14, S0-15, S0-16 accepts a timeout, a memory limit and interruptible', async () => {
    const pipeline = await run(sample('S0-limits-with-script'));
    expect(statuses(pipeline)).toEqual({ build: 'success' });
  });
});
