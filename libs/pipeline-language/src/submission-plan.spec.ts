import { describe, expect, it } from '@jest/globals';
import type { RunStep, SubmittedJob } from '@foldline/contracts';
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
const planned = (more: Partial<SubmittedJob> = {}) => submissionPlan({ ...job, ...more }).jobs[0]!;
const stepOf = (step: Partial<SubmittedJob['steps'][number]>): RunStep =>
  planned({ steps: [{ name: 'a', run: 'true', ...step }] }).steps[0] as RunStep;

describe('the plan of a submitted job', () => {
  it('is one job, and says why it is there', () => {
    const plan = submissionPlan(job);
    expect(plan).toMatchObject({ name: 'build-123', stages: ['job'], warnings: [] });
    expect(plan.jobs).toMatchObject([{ name: 'build-123', timeoutSeconds: 600, priority: 5, runner: {} }]);
    expect(plan.decisions).toMatchObject([{ definition: 'build-123', created: true, rule: 'submitted' }]);
  });

  it('has its commands as steps', () =>
    expect(planned().steps).toEqual([{ name: 'Install', kind: 'run', command: 'npm install', environment: {} }]));

  it('is for a runner with Docker when it names an image', () =>
    expect(planned({ image: 'node:20' })).toMatchObject({ image: 'node:20', runner: { executor: 'docker' } }));

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
    ['package-lock.json', 'npm', ['node_modules', '.npm', '.yarn/cache']],
    ['requirements.txt', 'pip', ['.venv', '__pycache__', '.pip-cache']],
    ['go.sum', 'go', ['go/pkg/mod', '.cache/go-build']],
    ['Cargo.lock', 'cargo', ['target', '.cargo/registry']],
    ['pom.xml', 'maven', ['.m2/repository']],
    ['gradle.lockfile', 'gradle', ['.gradle/caches', '.gradle/wrapper']],
    ['Gemfile.lock', 'bundler', ['vendor/bundle']],
    ['composer.lock', 'composer', ['vendor']],
  ])('%s: what %s keeps (S1-21 to S1-24)', (lockfile, prefix, paths) =>
    expect(planned({ cacheKeys: [lockfile] }).cache).toEqual([
      {
        key: { files: [lockfile], prefix },
        paths,
        policy: 'pull-push',
        fallbackKeys: [`${prefix}-`],
        when: 'on_success',
      },
    ]),
  );

  it('lies beside it', () =>
    expect(planned({ cacheKeys: ['web/app/yarn.lock'] }).cache).toMatchObject([
      {
        key: { prefix: 'yarn-web/app' },
        paths: ['web/app/node_modules', 'web/app/.npm', 'web/app/.yarn/cache'],
      },
    ]));
});
