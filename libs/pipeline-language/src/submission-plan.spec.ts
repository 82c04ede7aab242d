import { describe, expect, it } from '@jest/globals';
import type { RunStep, SubmittedJob } from '@foldline/contracts';
import { lockfilesAmong } from './lockfile-caches.ts';
import { submissionPlan } from './submission-plan.ts';

const job: SubmittedJob = {
  id: 'build-123',
  steps: [{ name: 'Install', run: 'npm install' }],
  env: {},
  cacheKeys: [],
  timeout: 600,
  priority: 5,
  retries: 3,
};
const planned = (more: Partial<SubmittedJob> = {}) => submissionPlan({ ...job, ...more }, []).jobs[0]!;
const stepOf = (step: Partial<SubmittedJob['steps'][number]>): RunStep =>
  planned({ steps: [{ name: 'a', run: 'true', ...step }] }).steps[0] as RunStep;

describe('the plan of a submitted job', () => {
  it('is one job, and says why it is there', () => {
    const plan = submissionPlan(job, []);
    expect(plan).toMatchObject({ name: 'build-123', stages: ['job'], warnings: [] });
    expect(plan.jobs).toMatchObject([{ name: 'build-123', timeoutSeconds: 600, priority: 5, runner: {} }]);
    expect(plan.decisions).toMatchObject([{ definition: 'build-123', created: true, rule: 'submitted' }]);
  });

  it('has its commands as steps', () =>
    expect(planned().steps).toEqual([{ name: 'Install', kind: 'run', command: 'npm install', environment: {} }]));

  it('is for a runner with Docker when it names an image', () =>
    expect(planned({ image: 'node:20' })).toMatchObject({ image: 'node:20', runner: { executor: 'docker' } }));

  it('makes place for others where it says so', () =>
    expect([planned().interruptible, planned({ interruptible: true }).interruptible]).toEqual([false, true]));

  it('is tried again after what another attempt may make good, and not when it ran out of its time', () => {
    const { max, when } = planned().retry;
    expect(max).toBe(3);
    expect(when).toEqual(expect.arrayContaining(['script_failure', 'runner_system_failure']));
    expect(when).not.toContain('job_timeout');
  });

  it.each([
    ['/workspace/repo', '$CI_PROJECT_DIR'],
    ['/workspace/repo/src:/opt:/workspace/repo', '$CI_PROJECT_DIR/src:/opt:$CI_PROJECT_DIR'],
    ['--root=/workspace/repo', '--root=$CI_PROJECT_DIR'],
    ['/workspace/repository', '/workspace/repository'],
    ['a/workspace/repo', 'a/workspace/repo'],
    ['$5', '$$5'],
  ])('takes %j for %j in variables and directories', (given, meant) => {
    expect(planned({ env: { PLACE: given } }).variables).toEqual({ PLACE: meant });
    expect(stepOf({ workingDir: given, env: { PLACE: given } })).toMatchObject({
      directory: meant,
      environment: { PLACE: meant },
    });
  });

  it('says of a step what it may, and how long it may take', () =>
    expect(stepOf({ continueOnError: true, timeout: 5 })).toMatchObject({ continueOnError: true, timeoutSeconds: 5 }));
});

describe('what a lockfile is for', () => {
  it.each([
    ['package-lock.json', 'npm', 'node', ['node_modules', '.npm', '.yarn/cache']],
    ['requirements.txt', 'pip', 'python', ['.venv', '__pycache__', '.pip-cache']],
    ['go.sum', 'go', 'go', ['go/pkg/mod', '.go/pkg/mod', '.cache/go-build']],
    ['Cargo.lock', 'cargo', 'rust', ['target', '.cargo/registry', '.cargo/git']],
    ['pom.xml', 'maven', 'java', ['.m2/repository']],
    ['gradle.lockfile', 'gradle', 'java', ['.gradle/caches', '.gradle/wrapper']],
    ['Gemfile.lock', 'bundler', 'ruby', ['vendor/bundle']],
    ['composer.lock', 'composer', 'php', ['vendor']],
  ])('%s: what %s keeps (S1-21 to S1-24)', (lockfile, prefix, tool, paths) =>
    expect(planned({ cacheKeys: [lockfile] }).cache).toEqual([
      {
        key: { files: [lockfile], prefix },
        paths,
        policy: 'pull-push',
        fallbackKeys: [`${prefix}-`],
        when: 'on_success',
        tool,
      },
    ]),
  );

  it('lies beside it, and what its package manager would keep elsewhere is led there', () => {
    const { cache, variables } = planned({ cacheKeys: ['web/$app/yarn.lock', 'go.sum'] });
    expect(cache).toMatchObject([
      {
        key: { prefix: 'yarn-web/$app' },
        paths: ['web/$app/node_modules', 'web/$app/.npm', 'web/$app/.yarn/cache'],
      },
      { key: { prefix: 'go' } },
    ]);
    expect(variables).toEqual({
      YARN_CACHE_FOLDER: '$CI_PROJECT_DIR/web/$$app/.yarn/cache',
      YARN_ENABLE_GLOBAL_CACHE: 'false',
      GOMODCACHE: '$CI_PROJECT_DIR/.go/pkg/mod',
      GOCACHE: '$CI_PROJECT_DIR/.cache/go-build',
    });
  });

  it('is led nowhere else than where the job says', () =>
    expect(planned({ cacheKeys: ['Cargo.lock'], env: { CARGO_HOME: '/opt/cargo' } }).variables).toEqual({
      CARGO_HOME: '/opt/cargo',
    }));

  it('is that of the first where several mean the same variable', () =>
    expect(planned({ cacheKeys: ['a/go.sum', 'b/go.sum'] }).variables).toMatchObject({
      GOCACHE: '$CI_PROJECT_DIR/a/.cache/go-build',
    }));
});

describe('the lockfiles of a repository (S1-25)', () => {
  const files = new Set(['package-lock.json', 'yarn.lock', 'uv.lock', 'requirements.txt', 'web/go.sum', 'src/main.ts']);

  it('are those of its own directory, one for each tool', () =>
    expect(lockfilesAmong(files)).toEqual(['package-lock.json', 'uv.lock']));

  it('are kept for where a job names none', () => {
    const { cacheKeys: _keys, ...without } = job;
    expect(submissionPlan(without, lockfilesAmong(files)).jobs[0]!.cache).toMatchObject([
      { key: { prefix: 'npm' } },
      { key: { prefix: 'uv' } },
    ]);
  });

  it('are left alone where a job says that it has none', () =>
    expect(submissionPlan(job, lockfilesAmong(files)).jobs[0]).toMatchObject({ cache: [], variables: {} }));
});
