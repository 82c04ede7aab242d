import { ExpressionError, type Expression } from '../expressions/expression.ts';
import { parseExpression } from '../expressions/parse-expression.ts';
import { limits } from '../limits.ts';
import type { Node, Position } from '../node.ts';
import {
  inside,
  invalid,
  readBoolean,
  readChoice,
  readFields,
  readList,
  readText,
  type Shape,
  type Where,
} from '../read.ts';
import { readVariables } from './variables.ts';
import { readRuleWhen, type RuleWhen } from './when.ts';

export type Condition = { text: string; expression: Expression; at: Position };

/** One item of `rules`; what it says about a job wins over what the job says. */
export type Rule = {
  at: Position;
  /** Nothing when the rule always holds. */
  condition?: Condition;
  when?: RuleWhen;
  allowFailure?: boolean;
  variables?: Record<string, string>;
  interruptible?: boolean;
};

/** What rules of one kind may say. */
type Kind = Shape & { readWhen: (node: Node, where: Where) => RuleWhen | undefined };

const ofJobs: Kind = {
  known: ['if', 'when', 'allow_failure', 'variables', 'interruptible'],
  later: ['changes', 'exists', 'needs', 'start_in'],
  readWhen: readRuleWhen,
};
const ofTheWorkflow: Kind = {
  known: ['if', 'when', 'variables'],
  later: ['changes', 'exists', 'auto_cancel'],
  readWhen: (node, where) => readChoice(node, where, ['always', 'never']),
};

/** `rules:` of a job, first match wins. Lists in the list are laid out flat, as aliases of shared rules make them. */
export const readRules = (node: Node, where: Where): Rule[] | undefined => readAll(node, where, ofJobs);

/** `rules:` of `workflow`, which let the whole pipeline in or leave it out. */
export const readWorkflowRules = (node: Node, where: Where): Rule[] | undefined => readAll(node, where, ofTheWorkflow);

const readAll = (node: Node, where: Where, kind: Kind): Rule[] | undefined => {
  const items = readList(node, where)?.flatMap(flat);
  if (items && items.length > limits.rulesPerJob)
    return invalid(node, where, `may have at most ${limits.rulesPerJob} rules`);
  const rules = items?.map((item) => readRule(item, where, kind)).filter((rule) => rule !== undefined);
  if (rules) reportUnreachable(rules, where);
  return rules;
};

const flat = (node: Node): Node[] => (node.kind === 'list' ? node.items.flatMap(flat) : [node]);

const readRule = (node: Node, where: Where, kind: Kind): Rule | undefined => {
  const fields = readFields(node, where, kind);
  if (!fields) return undefined;
  const read = <Value>(key: string, reader: (node: Node, where: Where) => Value | undefined): Value | undefined => {
    const field = kind.known.includes(key) ? fields.get(key) : undefined;
    return field && reader(field.value, inside(where, key));
  };
  const [condition, when, allowFailure, variables, interruptible] = [
    read('if', readCondition),
    read('when', kind.readWhen),
    read('allow_failure', readBoolean),
    read('variables', readVariables),
    read('interruptible', readBoolean),
  ];
  // A condition that could not be read must not make a rule that always holds.
  if (fields.has('if') && !condition) return undefined;
  return {
    at: node.at,
    ...(condition && { condition }),
    ...(when && { when }),
    ...(allowFailure !== undefined && { allowFailure }),
    ...(variables && { variables }),
    ...(interruptible !== undefined && { interruptible }),
  };
};

const readCondition = (node: Node, where: Where): Condition | undefined => {
  const text = readText(node, where);
  if (text === undefined) return undefined;
  try {
    return { text, expression: parseExpression(text), at: node.at };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const message = `${where.label}: ${error.message}, at character ${error.offset + 1}.`;
    where.report.error('invalid-expression', placeOf(node, error.offset), message, error.hint);
    return undefined;
  }
};

/** Only of a text without quotes, on one line, is it known where each character stands. */
const placeOf = (node: Node, offset: number): Position =>
  node.kind === 'scalar' && node.plain && !node.lines
    ? { line: node.at.line, column: node.at.column + offset }
    : node.at;

const reportUnreachable = (rules: readonly Rule[], where: Where): void => {
  const always = rules.findIndex(({ condition }) => !condition);
  const next = always === -1 ? undefined : rules[always + 1];
  if (!next) return;
  const message = `${where.label}: rule ${always + 1} always holds, so what comes after it is never looked at.`;
  where.report.warn('unreachable-rule', next.at, message, 'Put the rule without `if` last.');
};
