import type { When } from '@foldline/contracts';
import { choice } from '../grammar/shape.ts';

/** In a rule a job may also be left out. */
export type RuleWhen = When | 'never';

const ofJobs: readonly When[] = ['on_success', 'on_failure', 'always', 'manual', 'delayed'];

/** After which result something is kept. */
export const outcomes = ['on_success', 'on_failure', 'always'] as const;

export const when = choice<When>(ofJobs);
export const ruleWhen = choice<RuleWhen>([...ofJobs, 'never']);
export const outcome = choice(outcomes);
