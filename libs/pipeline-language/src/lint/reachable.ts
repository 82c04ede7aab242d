import type { Definition, JobDefinition } from '../definition.ts';
import type { RefRule } from '../keywords/refs.ts';
import { alwaysHolds, type Condition, type Rule } from '../keywords/rules.ts';
import { shorten } from '../node.ts';
import type { Report } from '../report.ts';
import { firstAt } from './first-at.ts';
import { whyNever } from './never-holds.ts';

/** Reports conditions that can never hold. */
export const checkConditions = ({ jobs, workflow }: Definition, report: Report): void => {
  const judge = judging();
  const isFirst = firstAt();
  const checked = new Set<readonly Rule[]>();
  const check = (rules: readonly Rule[] = [], label: string): void => {
    if (checked.has(rules)) return;
    checked.add(rules);
    for (const [index, { condition }] of rules.entries()) {
      const why = condition && judge(condition).never;
      if (!why || !isFirst(condition.at)) continue;
      const message = `${label}: rule ${index + 1} can never hold: ${why}.`;
      report.warn(
        'unreachable-rule',
        condition.at,
        message,
        'Correct the condition, or remove the rule; one that is for elsewhere may stay.',
      );
    }
  };
  check(workflow.rules, 'The file: workflow.rules');
  for (const { name, settings } of jobs) check(settings.rules, `Job \`${shorten(name)}\`: rules`);
};

/** Reports jobs, or a workflow, that no trigger lets in; of a definition all of whose rules could be read. */
export const checkReachable = ({ jobs, workflow }: Definition, report: Report): void => {
  const whyNone = lookingIn(judging());
  const why = workflow.rules && whyNone(workflow.rules);
  if (why) report.warn('unreachable-job', workflow.rules?.[0]?.at ?? top, `No pipeline is ever let in: ${why}.`);
  for (const job of jobs) {
    const { rules } = job.settings;
    const why = rules ? whyNone(rules) : whyNoRef(job);
    if (!why) continue;
    const at = job.keywords.get(rules ? 'rules' : 'except')?.at ?? job.at;
    report.warn('unreachable-job', at, `Job \`${shorten(job.name)}\` is never part of a pipeline: ${why}.`);
  }
};

const top = { line: 1, column: 1 };

/** What a condition comes to by itself; `same` is equal for those that hold for the same. */
type Judged = { never: string | undefined; same: string };
type Judge = (condition: Condition) => Judged;

/** Each condition once: jobs that extend the same template have the same ones. */
const judging = (): Judge => {
  const judged = new Map<string, Judged>();
  return ({ text, expression }) => {
    const known = judged.get(text) ?? { never: whyNever(expression), same: JSON.stringify(expression) };
    judged.set(text, known);
    return known;
  };
};

/** Each list of rules once, for the same reason. */
const lookingIn = (judge: Judge): ((rules: readonly Rule[]) => string | undefined) => {
  const known = new Map<readonly Rule[], string | undefined>();
  return (rules) => {
    if (!known.has(rules)) known.set(rules, whyNone(rules, judge));
    return known.get(rules);
  };
};

/** The first rule that holds decides, so a rule is never reached behind one that always holds, or holds for the same. */
const whyNone = (rules: readonly Rule[], judge: Judge): string | undefined => {
  if (rules.length === 0) return 'there are no rules';
  const always = rules.findIndex(alwaysHolds);
  const reached = always === -1 ? rules : rules.slice(0, always + 1);
  const seen = new Set<string>();
  const letsIn = ({ condition, changes, exists, when }: Rule): boolean => {
    const judged = condition && judge(condition);
    const key = JSON.stringify([judged?.same, changes?.paths, changes?.compareTo, exists?.paths]);
    const isRepeated = seen.has(key);
    seen.add(key);
    return when !== 'never' && !isRepeated && !judged?.never;
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
  const excludesNames = isOneOf(except, ['branches', 'tags']);
  const isLeftOut = (rule: RefRule): boolean =>
    except.some(({ kind, text }) => kind === rule.kind && text === rule.text) ||
    (excludesNames && rule.kind !== 'keyword');
  return only?.every(isLeftOut) ? '`except` leaves out all that `only` lets in' : undefined;
};
