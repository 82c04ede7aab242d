import type { JobDefinition } from './definition.ts';
import type { Rule } from './keywords/rules.ts';
import { mergedVariables } from './keywords/variables.ts';

/**
 * The job as the rule that lets it in makes it. A manual job of a rule holds up the pipeline unless it is said otherwise;
 * one of the job itself does not (as in GitLab).
 */
export const appliedTo = (job: JobDefinition, rule: Rule): JobDefinition => {
  const { settings } = job;
  const { when, allowFailure, variables, interruptible, needs, startInSeconds } = rule;
  return {
    ...job,
    settings: {
      ...settings,
      allow_failure: allowFailure ?? settings.allow_failure ?? settings.when === 'manual',
      ...(when && when !== 'never' && { when }),
      ...(variables && { variables: mergedVariables(settings.variables, variables) }),
      ...(interruptible !== undefined && { interruptible }),
      ...(needs && { needs }),
      ...(startInSeconds !== undefined && { start_in: startInSeconds }),
    },
  };
};
