import { VariableLimitError, expandVariables } from '@foldline/contracts';
import { baseOf } from './base-of-changes.ts';
import { holds } from './expressions/evaluate.ts';
import { ExpressionError, variablesOf } from './expressions/expression.ts';
import type { Changes, Exists } from './keywords/files-of-rules.ts';
import { alwaysHolds, type Condition, type Rule } from './keywords/rules.ts';
import { shorten } from './node.ts';
import type { Located, Where } from './read.ts';
import type { Match, RepositoryFacts } from './repository-facts.ts';
import type { RuleScope } from './rule-scope.ts';
import type { Trigger } from './select-jobs.ts';

/** What conditions look at. */
export type RuleFacts = { scope: RuleScope; repository: RepositoryFacts; hasPush: boolean };

/**
 * Whether files can have changed at all: nobody pushed anything for a tag, a schedule or a request. A child pipeline has
 * what its parent had.
 */
export const hasPush = ({ source, ref, before }: Pick<Trigger, 'source' | 'ref' | 'before'>): boolean =>
  (source === 'push' && ref.kind === 'branch') ||
  (source === 'parent_pipeline' && ref.kind === 'branch' && before !== undefined) ||
  source === 'merge_request_event';

/** What a list of rules comes to: the rule that decides, or none, and what people are told of it. */
export type Verdict = { rule?: Rule; name: string; because: string };

/**
 * Whether one condition holds, and what is told of it, worked out only where somebody is told; nothing after reporting
 * why it cannot be decided.
 */
export type Finding = { holds: boolean; because: () => string } | undefined;

/** The first rule that holds. One that cannot be decided is reported, and then none does. */
export const verdictOf = (rules: readonly Rule[], facts: RuleFacts, where: Where): Verdict => {
  const failed: (() => string)[] = [];
  for (const [index, rule] of rules.entries()) {
    const name = `rules: ${index + 1}`;
    const finding = findingOf(rule, facts, where);
    if (!finding) return { name, because: 'whether the rule holds cannot be decided' };
    if (!finding.holds) failed.push(finding.because);
    else if (rule.when === 'never') return { name, because: `${finding.because()}, and says never` };
    else return { rule, name, because: finding.because() };
  }
  return { name: 'rules: none', because: noneOf(failed) };
};

const SHOWN = 5;

const noneOf = (failed: readonly (() => string)[]): string => {
  if (failed.length === 0) return 'there are no rules';
  const more = failed.length > SHOWN ? `; and ${failed.length - SHOWN} more` : '';
  const shown = failed.slice(0, SHOWN).map((because) => because());
  return `no rule holds: ${shown.join('; ')}${more}`;
};

/** All that a rule asks for must hold; the first that does not is told. */
const findingOf = (rule: Rule, facts: RuleFacts, where: Where): Finding => {
  if (alwaysHolds(rule)) return { holds: true, because: () => 'the rule has no condition' };
  const met: (() => string)[] = [];
  for (const check of checksOf(rule, facts, where)) {
    const finding = check();
    if (!finding) return undefined;
    if (!finding.holds) return finding;
    met.push(finding.because);
  }
  return { holds: true, because: () => `${met.map((because) => because()).join(' and ')} holds` };
};

function* checksOf({ condition, changes, exists }: Rule, facts: RuleFacts, where: Where): Generator<() => Finding> {
  if (condition) yield () => conditionFinding(condition, facts.scope, where);
  if (changes) yield () => changesFinding(changes, facts, where);
  if (exists) yield () => existsFinding(exists, facts, where);
}

/** Nothing after reporting a variable whose pattern cannot be used, or values that grow too long. */
export const conditionFinding = ({ text, expression, at }: Condition, scope: RuleScope, where: Where): Finding => {
  const because = (): string => {
    const shown = variablesOf(expression)
      .slice(0, SHOWN)
      .map((name) => scope.describe(name));
    return `\`${shorten(text)}\`${shown.length > 0 ? ` (${shown.join(', ')})` : ''}`;
  };
  try {
    return { holds: holds(expression, scope), because };
  } catch (error) {
    if (error instanceof ExpressionError)
      where.report.error('invalid-regex', at, `${where.label}: ${error.message}.`, error.hint);
    else if (!tooLarge(error, at, where)) throw error;
    return undefined;
  }
};

export const changesFinding = (changes: Changes, facts: RuleFacts, where: Where): Finding => {
  const { compareTo, paths } = changes;
  const shown = `\`changes\` [${list(paths)}]`;
  // Nobody pushed anything of which it could be told what changed (as in GitLab).
  if (!compareTo && !facts.hasPush)
    return { holds: true, because: () => `${shown} (no push came before, so everything counts as changed)` };
  const filled = filledIn(compareTo ? [compareTo, ...paths] : paths, facts.scope, where);
  if (!filled) return undefined;
  const [base, patterns] = compareTo ? [filled[0]!, filled.slice(1)] : ['', filled];
  // As it is written: it may be made of variables of the project.
  const since = compareTo ? `since \`${shorten(compareTo.value)}\`` : 'since the last push';
  const files = compareTo && !baseOf(base) ? null : facts.repository.changedSince(base);
  if (files === null) {
    if (!compareTo) return { holds: true, because: () => `${shown} (what was there before the push is not known)` };
    const message = `${where.label}: there is no ref \`${shorten(compareTo.value)}\` to compare with.`;
    where.report.error('unknown-base', compareTo.at, message);
    return undefined;
  }
  const match = facts.repository.matchOf(patterns, files);
  return match
    ? { holds: true, because: () => `${shown} (${fileOf(match, patterns, paths, facts.scope)} changed ${since})` }
    : { holds: false, because: () => `${shown} (none of the ${files.length} files that changed ${since})` };
};

const existsFinding = ({ paths }: Exists, facts: RuleFacts, where: Where): Finding => {
  const patterns = filledIn(paths, facts.scope, where);
  if (!patterns) return undefined;
  const match = facts.repository.existing(patterns);
  const shown = `\`exists\` [${list(paths)}]`;
  return match
    ? { holds: true, because: () => `${shown} (${fileOf(match, patterns, paths, facts.scope)})` }
    : { holds: false, because: () => `${shown} (no such file)` };
};

/** The name of a file tells what a variable of the project is that found it. */
const fileOf = (
  { pattern, path }: Match,
  patterns: readonly string[],
  paths: readonly Located<string>[],
  scope: RuleScope,
): string => {
  const written = paths[patterns.indexOf(pattern)]!.value;
  return scope.isSealed(written) ? `a file of \`${shorten(written)}\`` : `\`${shorten(path)}\``;
};

const filledIn = (texts: readonly Located<string>[], scope: RuleScope, where: Where): string[] | undefined => {
  const filled: string[] = [];
  for (const { value, at } of texts) {
    try {
      filled.push(value.includes('$') ? expandVariables(value, scope.value) : value);
    } catch (error) {
      if (tooLarge(error, at, where)) return undefined;
      throw error;
    }
  }
  return filled;
};

const tooLarge = (error: unknown, at: Located<string>['at'], where: Where): boolean => {
  if (!(error instanceof VariableLimitError)) return false;
  where.report.error('variable-too-large', at, `${where.label}: ${error.message}.`);
  return true;
};

const list = (paths: readonly Located<string>[]): string => {
  const shown = paths.slice(0, 3).map(({ value }) => shorten(value));
  return [...shown, ...(paths.length > 3 ? ['…'] : [])].join(', ');
};
