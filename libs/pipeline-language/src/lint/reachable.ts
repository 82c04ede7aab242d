import type { Definition, JobDefinition } from '../definition.ts';
import type { RefRule } from '../keywords/refs.ts';
import { alwaysHolds, type Rule } from '../keywords/rules.ts';
import { shorten } from '../node.ts';
import type { Report } from '../report.ts';
import { whyNever } from './never-holds.ts';

/** Reports conditions that can never hold, and jobs that no trigger lets in. */
export const checkReachable = ({ jobs, workflow }: Definition, report: Report): void => {
  if (workflow.rules) {
    checkConditions(workflow.rules, 'The file: workflow.rules', report);
    const why = whyNone(workflow.rules);
    if (why) report.warn('unreachable-job', workflow.rules[0]?.at ?? top, `No pipeline is ever let in: ${why}.`);
  }
  for (const job of jobs) {
    const { rules } = job.settings;
    const label = `Job \`${shorten(job.name)}\``;
    if (rules) checkConditions(rules, `${label}: rules`, report);
    const why = rules ? whyNone(rules) : whyNoRef(job);
    const at = job.keywords.get(rules ? 'rules' : 'except')?.at ?? job.at;
    if (why) report.warn('unreachable-job', at, `${label} is never part of a pipeline: ${why}.`);
  }
};

const top = { line: 1, column: 1 };

const checkConditions = (rules: readonly Rule[], label: string, report: Report): void => {
  for (const [index, { condition }] of rules.entries()) {
    const why = condition && whyNever(condition.expression);
    if (!why) continue;
    const message = `${label}: rule ${index + 1} can never hold: ${why}.`;
    report.warn('unreachable-rule', condition.at, message, 'Correct the condition, or remove the rule.');
  }
};

/** The first rule that holds decides, so a rule is never reached behind one that always holds, or holds for the same. */
const whyNone = (rules: readonly Rule[]): string | undefined => {
  if (rules.length === 0) return 'there are no rules';
  const always = rules.findIndex(alwaysHolds);
  const reached = always === -1 ? rules : rules.slice(0, always + 1);
  const seen = new Set<string>();
  const letsIn = ({ condition, changes, exists, when }: Rule): boolean => {
    const key = JSON.stringify([condition?.expression, changes?.paths, changes?.compareTo, exists?.paths]);
    const isRepeated = seen.has(key);
    seen.add(key);
    return when !== 'never' && !isRepeated && !(condition && whyNever(condition.expression));
  };
  if (reached.some(letsIn)) return undefined;
  return reached.every(({ when }) => when === 'never')
    ? 'every rule that is reached says never'
    : 'no rule that would let it in can ever hold';
};

const isOneOf = (rules: readonly RefRule[], keywords: readonly string[]): boolean =>
  keywords.every((keyword) => rules.some(({ kind, text }) => kind === 'keyword' && text === keyword));

const whyNoRef = ({ settings }: JobDefinition): string | undefined => {
  const except = settings.except?.refs;
  const only = settings.only?.refs;
  if (!except) return undefined;
  if (isOneOf(except, ['pushes', 'api', 'web', 'schedules', 'merge_requests']))
    return '`except` names everything that asks for pipelines';
  const excludesNames = isOneOf(except, ['branches', 'tags']);
  const isLeftOut = (rule: RefRule): boolean =>
    except.some(({ kind, text }) => kind === rule.kind && text === rule.text) ||
    (excludesNames && rule.kind !== 'keyword');
  return only?.every(isLeftOut) ? '`except` leaves out all that `only` lets in' : undefined;
};
