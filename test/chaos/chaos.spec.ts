import { describe, expect, it } from '@jest/globals';
import { chaos, whenChaosIsAskedFor } from './run-chaos.ts';

const RUNS = 5;
/** Five strikes that differ: a full disk, a failpoint, a Redis that forgets, a cut wire, a log that is killed. */
const SEED = 119;

whenChaosIsAskedFor(() => {
  describe('the distributed mode, struck while it is used', () => {
    it(`keeps every promise over ${RUNS} strikes (seeds ${SEED} to ${SEED + RUNS - 1})`, async () => {
      const { code, said } = await chaos('--runs', String(RUNS), '--seed', String(SEED), '--minutes', '3');

      expect(said).toContain('violations: 0');
      expect(code).toBe(0);
    }, 480_000);
  });
});
