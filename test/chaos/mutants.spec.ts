import { describe, expect, it } from '@jest/globals';
import { chaos, whenChaosIsAskedFor } from './run-chaos.ts';

/**
 * A promise that is broken on purpose, the rule that tells, and the strikes that bring it to light.
 */
const MUTANTS: readonly [mutant: string, rule: string, strikes: readonly string[]][] = [
  ['early-checkpoint', 'topicHoldsTheLog', ['--victims', 'scheduler-1,pipeline-planner', '--faults', 'kill']],
  ['any-append', 'jobsFollowTheRules', ['--strikes', '0']],
  ['no-dedupe', 'eventsAreHandledOnce', ['--strikes', '0', '--load', '8']],
  ['no-fence', 'givenAwayAttemptsAreDead', ['--victims', 'runner-1', '--faults', 'pause']],
];

whenChaosIsAskedFor(() => {
  describe('a chaos run', () => {
    it.each(MUTANTS)(
      'notices the mutant %s by the rule %s',
      async (mutant, rule, strikes) => {
        const { code, said } = await chaos('--mutant', mutant, '--runs', '6', '--settle', '45', ...strikes);

        expect(said).toContain(`${rule}: `);
        expect(code).toBe(1);
      },
      600_000,
    );

    it('has nothing to say where nothing is broken', async () => {
      const { code, said } = await chaos('--mutant', 'none', '--runs', '1', '--strikes', '0');

      expect(said).toContain('violations: 0');
      expect(code).toBe(0);
    }, 300_000);
  });
});
