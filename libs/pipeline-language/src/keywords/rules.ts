import { ExpressionError, type Expression } from '../expressions/expression.ts';
import { parseExpression } from '../expressions/parse-expression.ts';
import { TEXT, anyOf, listOf } from '../grammar/json-schema.ts';
import { present } from '../grammar/present.ts';
import { record, type Fields } from '../grammar/record.ts';
import { boolean, choice, shape, within, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import { isNothing, isUnresolved, type Node, type Position } from '../node.ts';
import { invalid, readList, readText, type Where } from '../read.ts';
import { allowFailure, type AllowFailure } from './allow-failure.ts';
import { autoCancel, type AutoCancel } from './auto-cancel.ts';
import { changes, exists, type Changes, type Exists } from './files-of-rules.ts';
import { needs, type NeedEntry } from './needed-jobs.ts';
import { duration } from './timing.ts';
import { variables, type Variables } from './variables.ts';
import { ruleWhen, type RuleWhen } from './when.ts';

export type Condition = { text: string; expression: Expression; at: Position };

/** One item of `rules`; what it says about a job wins over what the job says. */
export type Rule = {
  at: Position;
  /** The rule holds when all of these do, and always when there is none. */
  condition?: Condition;
  changes?: Changes;
  exists?: Exists;
  when?: RuleWhen;
  startInSeconds?: number;
  allowFailure?: AllowFailure;
  variables?: Variables;
  needs?: NeedEntry[];
  interruptible?: boolean;
  autoCancel?: AutoCancel;
};

/** Whether the rule holds whatever the pipeline is for. */
export const alwaysHolds = ({ condition, changes, exists }: Rule): boolean => !condition && !changes && !exists;

/** Only of a text without quotes, on one line, is it known where each character stands. */
const placeOf = (node: Node, offset: number): Position =>
  node.kind === 'scalar' && node.plain && !node.lines ? { ...node.at, column: node.at.column + offset } : node.at;

export const readCondition = (node: Node, where: Where): Condition | undefined => {
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

const condition = shape(readCondition, TEXT);

type Common<When> = { if: Condition; changes: Changes; exists: Exists; when: When; variables: Variables };

const common = {
  if: {
    shape: condition,
    description: 'A condition on variables.',
    example: '$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH',
  },
  changes: {
    shape: changes,
    description: 'Holds when one of these files changed.',
    example: ['src/**/*', 'package.json'],
  },
  exists: { shape: exists, description: 'Holds when the commit has one of these files.', example: ['Dockerfile'] },
  variables: {
    shape: variables,
    description: 'Variables, which win over those of the job.',
    example: { LEVEL: 'full' },
  },
} satisfies Partial<Fields<Common<never>>>;

const ofJobs: Fields<
  Common<RuleWhen> & {
    allow_failure: AllowFailure;
    needs: NeedEntry[];
    interruptible: boolean;
    start_in: number;
  }
> = {
  ...common,
  when: {
    shape: ruleWhen,
    description: 'When the job runs, instead of its own `when`; `never` leaves it out.',
    default: 'on_success',
    example: 'never',
  },
  allow_failure: {
    shape: allowFailure,
    description:
      'Whether the pipeline goes on when the job fails. A manual job of a rule holds it up unless this is true.',
    default: false,
    example: true,
  },
  needs: { shape: needs, description: 'Instead of the needs of the job.', example: ['build'] },
  interruptible: { shape: boolean, description: 'Instead of the `interruptible` of the job.', example: true },
  start_in: {
    shape: duration(limits.delaySeconds),
    description: 'How long a job with `when: delayed` waits.',
    example: '10 minutes',
    beside: { when: 'delayed' },
  },
};

const ofTheWorkflow: Fields<Common<'always' | 'never'> & { auto_cancel: AutoCancel }> = {
  ...common,
  variables: { ...common.variables, description: 'Variables of all jobs, which win over those of the file.' },
  when: {
    shape: choice(['always', 'never']),
    description: 'Whether there is a pipeline.',
    default: 'always',
    example: 'always',
  },
  auto_cancel: {
    shape: autoCancel,
    description: 'Instead of the `auto_cancel` of the workflow.',
    example: { on_job_failure: 'all' },
  },
};

type Values = Common<RuleWhen> & {
  allow_failure: AllowFailure;
  needs: NeedEntry[];
  interruptible: boolean;
  start_in: number;
  auto_cancel: AutoCancel;
};
type Item = Shape<Partial<Values>>;

const conditions = ['if', 'changes', 'exists'] as const;

const readRule = (node: Node, where: Where, item: Item): Rule | undefined => {
  // It would let everything in.
  if (isNothing(node) || (node.kind === 'map' && node.entries.size === 0))
    return invalid(node, where, 'has a rule that says nothing', 'Remove it, or write `when: always`.');
  const read = item.read(node, where);
  if (!read) return undefined;
  // A condition that could not be read must not make a rule that always holds.
  const isUnread = conditions.some((key) => node.kind === 'map' && node.entries.has(key) && read[key] === undefined);
  if (isUnread) return undefined;
  if (read.when === 'delayed' && read.start_in === undefined && !(node.kind === 'map' && node.entries.has('start_in')))
    return invalid(node, where, 'has `when: delayed`, which needs `start_in`');
  return {
    at: node.at,
    ...present('condition', read.if),
    ...present('changes', read.changes),
    ...present('exists', read.exists),
    ...present('when', read.when),
    ...present('startInSeconds', read.start_in),
    ...present('allowFailure', read.allow_failure),
    ...present('variables', read.variables),
    ...present('needs', read.needs),
    ...present('interruptible', read.interruptible),
    ...present('autoCancel', read.auto_cancel),
  };
};

const flat = (node: Node): Node[] => (node.kind === 'list' ? node.items.flatMap(flat) : [node]);

const reportUnreachable = (rules: readonly Rule[], where: Where): void => {
  const always = rules.findIndex(alwaysHolds);
  const next = always === -1 ? undefined : rules[always + 1];
  if (!next) return;
  const message = `${where.label}: rule ${always + 1} always holds, so what comes after it is never looked at.`;
  where.report.warn('unreachable-rule', next.at, message, 'Put the rule without `if` last.');
};

/** First match wins. Lists in the list are laid out flat, as aliases of shared rules make them. */
const rulesOf = (item: Item): Shape<Rule[]> => {
  const each = anyOf(item.schema, listOf({ type: ['object', 'array'] }));
  return shape(
    (node, where) => {
      const items = readList(node, where)?.flatMap(flat);
      if (items && items.length > limits.rulesPerJob)
        return invalid(node, where, `may have at most ${limits.rulesPerJob} rules`);
      // Which rules these are is not known: by none at all the job would be left out.
      if (items && items.length > 0 && items.every(isUnresolved)) return undefined;
      const rules = items?.map((each) => readRule(each, where, item)).filter((rule) => rule !== undefined);
      if (rules) reportUnreachable(rules, where);
      return rules;
    },
    listOf(each),
    within('item', item),
  );
};

/** `rules:` of a job. */
export const rules: Shape<Rule[]> = rulesOf(record(ofJobs));

/** `rules:` of `workflow`, which let the whole pipeline in or leave it out. */
export const workflowRules: Shape<Rule[]> = rulesOf(record(ofTheWorkflow));

/** `rules:` of an `include`, which let the file in or leave it out. */
export const includeRules: Shape<Rule[]> = rulesOf(
  record<Omit<Common<'always' | 'never'>, 'variables'>>({
    if: common.if,
    changes: common.changes,
    exists: common.exists,
    when: { ...ofTheWorkflow.when, description: 'Whether the file is included.' },
  }),
);
