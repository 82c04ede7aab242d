import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { diedOf, type Attempts, type ExecutorFixture } from './executor-attempts.ts';

/** How every executor ends what it has begun: nothing of an attempt outlives it. */
export const executorEndings = ({ executor, alive }: ExecutorFixture, attempts: Attempts): void => {
  const { start, run, printed, startAndWaitFor } = attempts;

  describe('ending', () => {
    it.each([
      ['in the background', 'sleep 1000 &'],
      ['with nohup', 'nohup sleep 1000 >/dev/null 2>&1 &'],
      ['in a session of its own', 'setsid sleep 1000 >/dev/null 2>&1 &'],
      ['holding the output', 'setsid sleep 1000 &'],
      ['forked twice', '(setsid sh -c "sleep 1000 >/dev/null 2>&1 & sleep 1000" >/dev/null 2>&1 &)'],
      ['without the environment', 'env -i sleep 1000 & env -i setsid sleep 1000 &'],
      ['in great number', 'for i in $(seq 1 90); do setsid sleep 1000 >/dev/null 2>&1 & done'],
    ])('leaves no process that was started %s', async (_, command) => {
      const before = Date.now();
      expect(await run([command, 'echo done'])).toEqual({ exitCode: 0 });
      expect(printed()).toBe('done\n');
      expect(await alive(attempts.id)).toBe(0);
      expect(Date.now() - before).toBeLessThan(5_000);
    });

    it('lets a job that is told to stop say goodbye', async () => {
      const trap = `trap 'echo goodbye; exit 7' TERM; echo ready; while true; do sleep 0.05; done`;
      const execution = await startAndWaitFor('ready', [trap]);
      execution.stop(10_000);
      expect(await execution.finished).toEqual({ exitCode: 7 });
      expect(printed()).toContain('goodbye');
      expect(await alive(attempts.id)).toBe(0);
    });

    it('gives the children of a shell that ended at once the rest of the grace period', async () => {
      writeFileSync(
        join(attempts.root, 'workspace', 'child.sh'),
        `trap 'sleep 0.1; echo child done; exit' TERM; echo ready; while true; do sleep 0.02; done`,
      );
      const execution = await startAndWaitFor('ready', ['sh child.sh']);
      execution.stop(10_000);
      expect(diedOf(15)).toContainEqual(await execution.finished);
      expect(printed()).toContain('child done');
    });

    it('kills what ignores the request, also outside the group', async () => {
      const stubborn = `trap '' TERM; setsid sh -c "trap '' TERM; while true; do sleep 0.05; done" & `;
      const execution = await startAndWaitFor('ready', [`${stubborn} echo ready; while true; do sleep 0.05; done`]);
      execution.stop(100);
      execution.stop(60_000);
      expect(diedOf(9)).toContainEqual(await execution.finished);
      expect(await alive(attempts.id)).toBe(0);
    });

    it('takes a request to stop after the end as no request', async () => {
      const execution = await start(['true']);
      expect(await execution.finished).toEqual({ exitCode: 0 });
      execution.stop(0);
      execution.stop(0);
    });
  });

  describe('sweeping', () => {
    it('kills all processes of an attempt and of no other', async () => {
      const mine = await startAndWaitFor('ready', ['setsid sleep 1000 & echo ready; sleep 1000']);
      const other = await start(['sleep 1000'], { attemptId: `${attempts.id}0` });
      expect((await executor.sweep(attempts.id)).killed).toBeGreaterThanOrEqual(2);
      expect(await alive(attempts.id)).toBe(0);
      expect(diedOf(9)).toContainEqual(await mine.finished);
      expect(await alive(`${attempts.id}0`)).toBeGreaterThan(0);
      other.stop(0);
      await other.finished;
    });

    it('finds nothing when nothing is left', async () => {
      expect(await executor.sweep(attempts.id)).toEqual({ killed: 0 });
    });
  });
};
