import { VariableLimitError, type PlanDecision } from '@foldline/contracts';
import type { JobDefinition } from './definition.ts';
import { holds } from './expressions/evaluate.ts';
import { ExpressionError, variablesOf } from './expressions/expression.ts';
import type { Condition, Rule } from './keywords/rules.ts';
import { shorten } from './node.ts';
import { inside, subject, type Where } from './read.ts';
import type { Report } from './report.ts';
import type { RuleScope } from './rule-scope.ts';

export type Ruled = { job: JobDefinition; decision: PlanDecision };

/** What a list of rules comes to: the rule that decides, or none, and what people are told of it. */
export type Verdict = { rule?: Rule; name: string; because: string };

/** The first rule that holds. One that cannot be decided is reported, and then none does. */
export const verdictOf = (rules: readonly Rule[], scope: RuleScope, where: Where): Verdict => {
  for (const [index, rule] of rules.entries()) {
    const name = `rules: ${index + 1}`;
    const isMet = rule.condition ? met(rule.condition, scope, where) : true;
    if (isMet === undefined) return { name, because: 'whether the rule holds cannot be decided' };
    if (!isMet) continue;
    const because = rule.condition ? `${described(rule.condition, scope)} holds` : 'the rule has no condition';
    return rule.when === 'never' ? { name, because: `${because}, and says never` } : { rule, name, because };
  }
  return { name: 'rules: none', because: noneOf(rules, scope) };
};

/** The job as its rules make it, or why they do not let it in. */
export const applyRules = (job: JobDefinition, rules: readonly Rule[], scope: RuleScope, report: Report): Ruled => {
  const where = inside(subject(report, `Job \`${shorten(job.name)}\``), 'rules');
  const { rule, name, because } = verdictOf(rules, scope, where);
  const decision = { definition: job.name, created: rule !== undefined, rule: name, because };
  return { job: rule ? { ...job, settings: { ...job.settings, ...settingsBy(rule, job) } } : job, decision };
};

/** Nothing after reporting a variable whose pattern cannot be used, or values that grow too long. */
const met = ({ expression, at }: Condition, scope: RuleScope, where: Where): boolean | undefined => {
  try {
    return holds(expression, scope);
  } catch (error) {
    if (error instanceof ExpressionError)
      where.report.error('invalid-regex', at, `${where.label}: ${error.message}.`, error.hint);
    else if (error instanceof VariableLimitError)
      where.report.error('variable-too-large', at, `${where.label}: ${error.message}.`);
    else throw error;
    return undefined;
  }
};

/** A manual job of a rule holds up the pipeline unless it is said otherwise; one of the job itself does not (as in GitLab). */
const settingsBy = (
  { when, allowFailure, variables, interruptible }: Rule,
  { settings }: JobDefinition,
): Partial<JobDefinition['settings']> => ({
  allow_failure: allowFailure ?? settings.allow_failure ?? settings.when === 'manual',
  ...(when && when !== 'never' && { when }),
  ...(variables && { variables: { ...settings.variables, ...variables } }),
  ...(interruptible !== undefined && { interruptible }),
});

const SHOWN = 5;

const noneOf = (rules: readonly Rule[], scope: RuleScope): string => {
  if (rules.length === 0) return 'there are no rules';
  const reasons = rules.slice(0, SHOWN).flatMap(({ condition }) => (condition ? [described(condition, scope)] : []));
  const more = rules.length > SHOWN ? `; and ${rules.length - SHOWN} more` : '';
  return `no rule holds: ${reasons.join('; ')}${more}`;
};

const described = ({ text, expression }: Condition, scope: RuleScope): string => {
  const operands = variablesOf(expression)
    .slice(0, SHOWN)
    .map((name) => scope.describe(name));
  return `\`${shorten(text)}\`${operands.length > 0 ? ` (${operands.join(', ')})` : ''}`;
};
