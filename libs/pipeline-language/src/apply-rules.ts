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

/** The job as the first rule that holds makes it, or why no rule lets it in. A rule that cannot be decided is reported. */
export const applyRules = (job: JobDefinition, rules: readonly Rule[], scope: RuleScope, report: Report): Ruled => {
  const where = inside(subject(report, `Job \`${shorten(job.name)}\``), 'rules');
  const leftOut = (rule: string, because: string): Ruled => ({
    job,
    decision: { definition: job.name, created: false, rule, because },
  });
  for (const [index, rule] of rules.entries()) {
    const name = `rules: ${index + 1}`;
    const isMet = rule.condition ? met(rule.condition, scope, where) : true;
    if (isMet === undefined) return leftOut(name, 'whether the rule holds cannot be decided');
    if (!isMet) continue;
    const because = rule.condition ? `${described(rule.condition, scope)} holds` : 'the rule has no condition';
    if (rule.when === 'never') return leftOut(name, `${because}, and says never`);
    const settings = { ...job.settings, ...settingsBy(rule, job) };
    return { job: { ...job, settings }, decision: { definition: job.name, created: true, rule: name, because } };
  }
  return leftOut('rules: none', noneOf(rules, scope));
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
  if (rules.length === 0) return 'the job has no rules';
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
