import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AFTER,
  SCRIPT,
  TIMEOUT_S,
  clock,
  closeScene,
  directory,
  executor,
  facts,
  openScene,
  ran,
  runOf,
  statuses,
  steps,
  types,
} from './run-job.fixture.ts';

beforeEach(openScene);
afterEach(closeScene);

describe('A job', () => {
  describe('that takes too long', () => {
    it('is stopped, and has timed out whatever its exit code', async () => {
      const running = runOf().run();
      const shell = await executor.next();
      shell.obeys = false;
      clock.advance(TIMEOUT_S * 1000);
      await new Promise((resolve) => setImmediate(resolve));
      shell.end({ exitCode: 0 });

      expect(await running).toEqual({
        outcome: 'timed_out',
        reason: 'job_timeout',
        detail: `it ran longer than its timeout of ${TIMEOUT_S} s`,
        exitCode: 0,
      });
      expect(shell.stops).toEqual([10_000]);
    });

    it('still runs its after_script and keeps what is always kept', async () => {
      writeFileSync(join(directory, 'workspace/trace'), 'x');
      const artifacts = { paths: ['trace'], exclude: [], when: 'always' as const, reports: [] };
      const running = runOf({ steps: [SCRIPT, AFTER], artifacts }).run();
      await executor.next();
      clock.advance(TIMEOUT_S * 1000);
      (await executor.next()).end({ exitCode: 0 });

      expect(await running).toMatchObject({ outcome: 'timed_out' });
      expect(types()).toContain('ArtifactUploaded');
    });
  });

  describe('that is cancelled', () => {
    const job = {
      steps: [SCRIPT, AFTER],
      artifacts: { paths: ['trace'], exclude: [], when: 'always' as const, reports: [] },
      cache: [
        { key: { text: 'k' }, paths: ['trace'], policy: 'push' as const, fallbackKeys: [], when: 'always' as const },
      ],
    };
    beforeEach(() => writeFileSync(join(directory, 'workspace/trace'), 'x'));

    it('before it began runs nothing', async () => {
      const run = runOf(job);
      run.stop('cancelled');

      expect(await run.run()).toEqual({ outcome: 'cancelled', reason: 'cancelled' });
      expect({ shells: executor.shells, facts }).toEqual({ shells: [], facts: [] });
    });

    it('while its script is being started stops it at once', async () => {
      const run = runOf();
      executor.whileStarting = () => run.stop('cancelled');

      expect(await run.run()).toMatchObject({ outcome: 'cancelled' });
      expect(executor.shells[0]!.stops).toEqual([10_000]);
    });

    it('while its script runs stops it, runs its after_script, and keeps nothing', async () => {
      const run = runOf(job);
      const running = run.run();
      const shell = await executor.next();
      run.stop('cancelled');
      (await executor.next()).end({ exitCode: 0 });

      expect(await running).toEqual({ outcome: 'cancelled', reason: 'cancelled' });
      expect({ stops: shell.stops, told: statuses() }).toEqual({ stops: [10_000], told: ['running', 'canceled'] });
      expect(steps()).toEqual([
        '0 checkout: success',
        '1 restore caches: success',
        '2 script: failed',
        '3 after_script: success',
      ]);
      expect(types().filter((type) => type.endsWith('Uploaded'))).toEqual([]);
    });

    it('twice, or late, stays what it was first', async () => {
      const run = runOf();
      const running = run.run();
      await executor.next();
      run.stop('cancelled');
      run.stop('timed_out');
      clock.advance(TIMEOUT_S * 1000);

      expect(await running).toMatchObject({ outcome: 'cancelled' });
    });

    it('in its after_script has that stopped, and ends as its script did', async () => {
      const run = runOf({ steps: [SCRIPT, AFTER] });
      const running = run.run();
      (await executor.next()).end({ exitCode: 0 });
      const after = await executor.next();
      run.stop('cancelled');

      expect(await running).toMatchObject({ outcome: 'success' });
      expect(after.stops).toEqual([10_000]);
    });

    it('after its end stays as it ended', async () => {
      const run = runOf();
      const result = await ran(run, { exitCode: 0 });
      run.stop('cancelled');

      expect(result).toMatchObject({ outcome: 'success' });
    });
  });

  it('whose runner shuts down is lost, at once and without its after_script', async () => {
    const run = runOf({ steps: [SCRIPT, AFTER] });
    const running = run.run();
    await executor.next();
    run.stop('shutdown');

    expect(await running).toEqual({
      outcome: 'lost',
      reason: 'runner_lost',
      detail: 'the runner was shut down',
    });
    expect(executor.shells).toHaveLength(1);
  });
});
