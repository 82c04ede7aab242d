import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { COLLECTION, artifactIndexKey, type ArtifactDoc, type CacheSpec } from '@foldline/contracts';
import { TransientError } from '@foldline/kernel';
import {
  AFTER,
  HOOK,
  SCRIPT,
  TIMEOUT_S,
  clock,
  closeScene,
  directory,
  executor,
  facts,
  openScene,
  output,
  prepared,
  ran,
  reads,
  runOf,
  statuses,
  steps,
  types,
  warnings,
  whileCheckingOut,
} from './run-job.fixture.ts';

const AFTER_SCRIPT_MS = 5 * 60_000;

beforeEach(openScene);
afterEach(closeScene);

describe('A job', () => {
  it('runs its script in its workspace, with its variables', async () => {
    const running = runOf().run();
    const shell = await executor.next();
    await shell.spec.onOutput(Buffer.from('made\n'));
    shell.end({ exitCode: 0 });

    expect(await running).toEqual({ outcome: 'success', exitCode: 0 });
    expect(shell.spec).toMatchObject({
      attemptId: 'p1.0.1',
      commands: ['make'],
      workspace: join(directory, 'workspace'),
      scratchDirectory: directory,
      environment: { NAME: 'value', CI_JOB_STATUS: 'running' },
    });
    expect(output).toBe('made\n');
    expect(steps()).toEqual(['0 checkout: success', '1 script: success']);
  });

  it('fails with the exit code of its script', async () => {
    expect(await ran(runOf(), { exitCode: 42 })).toEqual({
      outcome: 'failed',
      reason: 'script_failure',
      exitCode: 42,
      detail: 'exit code 42',
    });
    expect(facts.at(-1)).toMatchObject({ data: { outcome: 'failed', exitCode: 42 } });
  });

  it('fails when a signal ends its script', async () => {
    expect(await ran(runOf(), { signal: 'SIGSEGV' })).toEqual({
      outcome: 'failed',
      reason: 'script_failure',
      detail: 'ended by SIGSEGV',
    });
  });

  it('succeeds without a script', async () => {
    expect(await runOf({ steps: [] }).run()).toEqual({ outcome: 'success', exitCode: 0 });
  });

  it('that asks for what cannot be done yet fails instead of running without it', async () => {
    const why = 'no releases are made yet';
    const run = runOf({ plannedOnly: [{ keyword: 'release', value: { tag_name: 'v1' }, why, stops: true }] });
    expect(await run.run()).toMatchObject({ outcome: 'failed', reason: 'config_error' });
    expect(warnings).toEqual([expect.stringContaining('`release`')]);
  });

  it('runs without what matters less', async () => {
    const plannedOnly = [{ keyword: 'pages', value: 'true', why: 'no pages are published' }];
    expect(await runOf({ plannedOnly, steps: [] }).run()).toMatchObject({ outcome: 'success' });
  });

  it('with services and no image is told that their names are known to containers alone', async () => {
    const result = await runOf({ services: ['postgres'] }).run();
    expect(result).toMatchObject({ outcome: 'failed', reason: 'config_error' });
    expect(warnings).toEqual([expect.stringContaining('services and no `image`')]);
  });

  it.each([
    [{ image: 'node:20' }, 'the image node:20'],
    [{ image: 'node:20', services: ['postgres'] }, 'the image node:20'],
  ])('that asks for %j is told that it needs Docker, and nothing is run', async (job, asked) => {
    expect(await runOf(job).run()).toMatchObject({ outcome: 'failed', reason: 'needs_docker' });

    expect(warnings).toEqual([expect.stringContaining(asked)]);
    expect(executor.shells).toEqual([]);
  });

  it('tells its coverage, also when it fails', async () => {
    const running = runOf({ coverage: String.raw`(\d+)%` }).run();
    const shell = await executor.next();
    await shell.spec.onOutput(Buffer.from('covered 87%\n'));
    shell.end({ exitCode: 1 });

    expect(await running).toMatchObject({ outcome: 'failed', coverage: 87 });
  });

  it('is the runner’s trouble when nobody knows how its script ended', async () => {
    const running = runOf().run();
    (await executor.next()).break(new TransientError('the process that starts programs has died'));

    await expect(running).rejects.toBeInstanceOf(TransientError);
  });

  describe('with a hook before its sources', () => {
    const job = { hooks: HOOK, steps: [SCRIPT, AFTER] };

    it('runs it in an empty workspace, before the commit is there, with its variables', async () => {
      const running = runOf(job).run();
      const hook = await executor.next();
      expect(prepared).toEqual(['empty workspace']);
      expect(hook.spec).toMatchObject({
        commands: ['prepare'],
        workspace: join(directory, 'workspace'),
        environment: { NAME: 'value', CI_JOB_STATUS: 'running' },
      });
      hook.end({ exitCode: 0 });
      for (let shells = 0; shells < 2; shells += 1) (await executor.next()).end({ exitCode: 0 });

      expect(await running).toEqual({ outcome: 'success', exitCode: 0 });
      expect(prepared).toEqual(['empty workspace', 'checkout', 'inputs']);
      expect(executor.closed).toEqual([1, 3]);
      expect(steps().map((line) => line.replace(': success', ''))).toEqual([
        '0 pre_get_sources_script',
        '1 checkout',
        '2 script',
        '3 after_script',
      ]);
    });

    it('fails with it, and nothing else of it runs', async () => {
      expect(await ran(runOf(job), { exitCode: 3 })).toEqual({
        outcome: 'failed',
        reason: 'script_failure',
        exitCode: 3,
        detail: 'exit code 3',
      });
      expect({ prepared, shells: executor.shells.length }).toEqual({ prepared: ['empty workspace'], shells: 1 });
    });

    it('stops it when the job takes too long', async () => {
      const running = runOf(job).run();
      await executor.next();
      clock.advance(TIMEOUT_S * 1000);

      expect(await running).toMatchObject({ outcome: 'timed_out', reason: 'job_timeout' });
    });

    it('does not run it when it cannot run at all', async () => {
      expect(await runOf({ ...job, image: 'node:22' }).run()).toMatchObject({ reason: 'needs_docker' });
      expect({ prepared, shells: executor.shells.length }).toEqual({ prepared: [], shells: 0 });
    });
  });

  it('loses no time to a repository that is slow to answer', async () => {
    const run = runOf();
    whileCheckingOut(() => clock.advance(TIMEOUT_S * 1000));

    expect(await ran(run, { exitCode: 0 })).toMatchObject({ outcome: 'success' });
  });

  describe('with an after_script', () => {
    const job = { steps: [SCRIPT, AFTER] };

    it.each([
      [{ exitCode: 0 }, 'success'],
      [{ exitCode: 1 }, 'failed'],
    ] as const)('runs it in a shell of its own after a script that ended with %j', async (end, outcome) => {
      expect(await ran(runOf(job), end, { exitCode: 0 })).toMatchObject({ outcome, exitCode: end.exitCode });
      expect(executor.shells.map(({ spec }) => spec.commands)).toEqual([['make'], ['clean']]);
      expect(statuses()).toEqual(['running', outcome]);
    });

    it('ends as its script did, whatever comes of it', async () => {
      expect(await ran(runOf(job), { exitCode: 0 }, { exitCode: 7 })).toEqual({ outcome: 'success', exitCode: 0 });
      expect(steps()).toEqual(['0 checkout: success', '1 script: success', '2 after_script: failed']);
    });

    it('stops it when it takes too long', async () => {
      const running = runOf(job).run();
      (await executor.next()).end({ exitCode: 0 });
      const after = await executor.next();
      await clock.sleeping(AFTER_SCRIPT_MS);
      clock.advance(AFTER_SCRIPT_MS);

      expect(await running).toMatchObject({ outcome: 'success' });
      expect(after.stops.length).toBeGreaterThan(0);
    });
  });

  it('restores, runs and keeps in this order', async () => {
    writeFileSync(join(directory, 'workspace/out'), 'x');
    const cache: CacheSpec = {
      key: { text: 'k' },
      paths: ['out'],
      policy: 'pull-push',
      fallbackKeys: [],
      when: 'always',
    };
    const artifacts = { paths: ['out'], exclude: [], when: 'on_success' as const, reports: [] };
    const run = runOf({ steps: [SCRIPT, AFTER], cache: [cache], artifacts }, ['p0.0']);
    await ran(run, { exitCode: 0 }, { exitCode: 0 });

    expect(steps().map((line) => line.replace(': success', ''))).toEqual([
      '0 checkout',
      '1 restore caches',
      '2 download artifacts',
      '3 script',
      '4 after_script',
      '5 save caches',
      '6 upload artifacts',
    ]);
  });

  it.each([
    [0, 'success'],
    [1, 'failed'],
  ])('that ends with %d tells what its reports say, and ends as its script did', async (exitCode, outcome) => {
    writeFileSync(join(directory, 'workspace/a.xml'), '<testsuite><testcase name="x"/></testsuite>');
    writeFileSync(join(directory, 'workspace/b.xml'), 'nothing');
    const reports = ['a.xml', 'b.xml'];
    const artifacts = { paths: [], exclude: [], when: 'on_success' as const, reports, readReports: { junit: reports } };

    expect(await ran(runOf({ artifacts }), { exitCode })).toMatchObject({ outcome });
    expect(types()).toContain('TestsReported');
    expect(steps().slice(-2)).toEqual(['2 read reports: success', '3 upload artifacts: success']);
    expect(warnings).toEqual(['b.xml is not counted: it is not well-formed XML (line 1)']);
  });

  it('that misses an artifact fails before its script', async () => {
    const doc = { jobId: 'p1.1', kind: 'archive', attempt: 1, status: 'expired' } as ArtifactDoc;
    const indexes = { byJob: artifactIndexKey('p1.1', 'a') };
    await reads.apply('storage', 1, [{ collection: COLLECTION.artifacts, id: 'a', doc, indexes }]);

    expect(await runOf({}, ['p1.1']).run()).toEqual({
      outcome: 'failed',
      reason: 'missing_artifact',
      detail: 'the artifacts of job p1.1 have expired',
    });
    expect(executor.shells).toEqual([]);
  });
});
