import { describe, expect, it } from '@jest/globals';
import { chaos, whenChaosIsAskedFor } from './run-chaos.ts';

/** A service dies at a failpoint. What `npm run chaos` strikes with besides, other suites do: kills, cuts and pauses. */
const PLAN = ['pipeline-planner:failpoint:produce.after'];
const SEED = 300;
const STRUCK = PLAN.map((strike, n) => `seed ${SEED + n}: ${strike.split(':').slice(0, 2).join(' ')}\n`);

whenChaosIsAskedFor(() => {
  describe('the distributed mode, struck while it is used', () => {
    it(`keeps every promise over ${PLAN.length} strikes (seeds ${SEED} to ${SEED + PLAN.length - 1})`, async () => {
      const { code, said } = await chaos('--plan', PLAN.join(), '--seed', String(SEED));

      for (const struck of STRUCK) expect(said).toContain(struck);
      expect(said).toMatch(/produce\.after at passage \d reached/);
      expect(said).toContain(`runs: ${PLAN.length} of ${PLAN.length};`);
      expect(said).toContain('violations: 0\n');
      expect(code).toBe(0);
    }, 360_000);
  });
});
