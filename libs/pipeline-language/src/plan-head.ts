import { beginning, expandVariables, type AutoCancel, type Plan } from '@foldline/contracts';
import type { Definition } from './definition.ts';
import { present } from './grammar/present.ts';
import { limits } from './limits.ts';
import type { FillIn } from './plan.ts';
import { ruleScopes, type RuleScopes } from './rule-scope.ts';
import type { Trigger } from './select-jobs.ts';

/** What GitLab does where only the other half is said. */
const GITLABS: AutoCancel = { onNewCommit: 'conservative', onJobFailure: 'none' };

type Head = Pick<Plan, 'name' | 'stages' | 'variables' | 'rawVariables' | 'autoCancel'>;

/** What a plan says of the pipeline as a whole. */
export const planHead = ({ stages, variables, workflow }: Definition, trigger: Trigger): Head => {
  const { name, auto_cancel: autoCancel } = workflow;
  return {
    ...present('name', name === undefined ? undefined : nameOf(name, variables, trigger)),
    stages,
    variables: variables.values,
    ...present('rawVariables', variables.raw.length > 0 ? variables.raw : undefined),
    ...(autoCancel && { autoCancel: { ...GITLABS, ...autoCancel } }),
  };
};

/** Everybody sees it, so the project's variables are not filled in. */
const nameOf = (name: string, variables: Definition['variables'], trigger: Trigger): string =>
  beginning(expandVariables(name, openScopes(variables, trigger).ofPipeline().value), limits.nameLength);

/** Fills in what everybody sees of a job. */
export const fillInOpenly = ({ variables }: Definition, trigger: Trigger): FillIn => {
  const scopes = openScopes(variables, trigger);
  return (text, job, copy) => (text.includes('$') ? expandVariables(text, scopes.ofJob(job, copy).value) : text);
};

const openScopes = (variables: Definition['variables'], { sealed: _kept, ...open }: Trigger): RuleScopes =>
  ruleScopes({ variables }, open);
