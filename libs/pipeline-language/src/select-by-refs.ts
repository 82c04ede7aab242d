import type { PlanDecision } from '@foldline/contracts';
import type { JobDefinition } from './definition.ts';
import type { RefKeyword, RefRule, Refs } from './keywords/refs.ts';
import { shorten } from './node.ts';
import { inside, subject } from './read.ts';
import type { Report } from './report.ts';
import type { Trigger } from './select-jobs.ts';
import { changesFinding, conditionFinding, type Finding, type RuleFacts } from './verdict.ts';

type Reason = Omit<PlanDecision, 'definition' | 'copy'>;
type Circumstances = {
  trigger: Trigger;
  facts: RuleFacts;
  report: Report;
  /** Rules of the workflow have let the pipeline in. */
  hasWorkflow: boolean;
};

/** Whether `only` and `except` let a job in: all that `only` asks for must be there, and nothing that `except` names. */
export const byRefs = (job: JobDefinition, { trigger, facts, report, hasWorkflow }: Circumstances): Reason => {
  const { only, except } = job.settings;
  const where = subject(report, `Job \`${shorten(job.name)}\``);
  const included = only && includedBy(only, { keyword: 'only', trigger, facts, where: inside(where, 'only') });
  if (included && !included.created) return included;
  const excluded = except && excludedBy(except, { keyword: 'except', trigger, facts, where: inside(where, 'except') });
  if (excluded) return excluded;
  if (included) return included;
  // Who says nothing of `only` means branches and tags, unless the workflow says what pipelines are for (as in GitLab).
  if (!hasWorkflow && trigger.source === 'merge_request_event')
    return { created: false, rule: 'default', because: 'without rules or only, a job is not for merge requests' };
  return except
    ? { created: true, rule: 'except: refs', because: notMatched('except', except, trigger) }
    : { created: true, rule: 'default', because: 'the job has neither rules nor only nor except' };
};

type Question = {
  keyword: 'only' | 'except';
  trigger: Trigger;
  facts: RuleFacts;
  where: ReturnType<typeof subject>;
};

const includedBy = (only: Refs, question: Question): Reason => {
  const { trigger } = question;
  const ref = only.refs?.find((rule) => matches(rule, question));
  if (only.refs && !ref) return { created: false, rule: 'only: refs', because: notMatched('only', only, trigger) };
  const met = ref ? [matched('only', ref, only.refs!, trigger)] : [];
  for (const { name, findings } of others(only, question)) {
    const held = findings.find((finding) => finding?.holds);
    if (!held) return { created: false, rule: `only: ${name}`, because: `only: ${told(findings)} does not hold` };
    met.push(`only: ${held.because()} holds`);
  }
  return { created: true, rule: ref ? ruleName('only', ref) : 'only', because: met.join('; ') };
};

const excludedBy = (except: Refs, question: Question): Reason | undefined => {
  const { trigger } = question;
  const ref = except.refs?.find((rule) => matches(rule, question));
  if (ref)
    return { created: false, rule: ruleName('except', ref), because: matched('except', ref, except.refs!, trigger) };
  for (const { name, findings } of others(except, question)) {
    const held = findings.find((finding) => finding?.holds);
    if (held) return { created: false, rule: `except: ${name}`, because: `except: ${held.because()} holds` };
  }
  return undefined;
};

const others = ({ variables, changes }: Refs, { facts, where }: Question): { name: string; findings: Finding[] }[] => [
  ...(variables
    ? [
        {
          name: 'variables',
          findings: variables.map((condition) => conditionFinding(condition, facts.scope, inside(where, 'variables'))),
        },
      ]
    : []),
  ...(changes
    ? [{ name: 'changes', findings: [changesFinding({ paths: changes }, facts, inside(where, 'changes'))] }]
    : []),
];

const told = (findings: readonly Finding[]): string =>
  findings
    .slice(0, 3)
    .map((finding) => finding?.because() ?? 'what cannot be decided')
    .join('; ');

const matched = (keyword: string, ref: RefRule, of: readonly RefRule[], trigger: Trigger): string =>
  `${keyword}: ${shorten(ref.text)} matches ${describeFor(of, trigger)}`;

const notMatched = (keyword: 'only' | 'except', { refs = [] }: Refs, trigger: Trigger): string =>
  `${keyword}: ${list(refs)} does not match ${describeFor(refs, trigger)}`;

const matches = (rule: RefRule, { trigger: { ref, source, project }, facts }: Question): boolean => {
  if (rule.kind === 'never') return false;
  if (rule.project !== undefined && rule.project !== (project && `${project.owner}/${project.name}`)) return false;
  if (rule.kind === 'keyword') return keywordMatches[rule.keyword](ref.kind, source);
  if (ref.kind === 'commit') return false;
  return rule.kind === 'name' ? rule.name === ref.name : facts.scope.isIn(rule.source, ref.name);
};

const keywordMatches: Record<RefKeyword, (kind: Trigger['ref']['kind'], source: Trigger['source']) => boolean> = {
  branches: (kind, source) => kind === 'branch' && source !== 'merge_request_event',
  tags: (kind) => kind === 'tag',
  pushes: (_, source) => source === 'push',
  api: (_, source) => source === 'api',
  web: (_, source) => source === 'web',
  schedules: (_, source) => source === 'schedule',
  merge_requests: (_, source) => source === 'merge_request_event',
  // Of other projects: a child pipeline is one of its branch (as in GitLab).
  pipelines: (_, source) => source === 'pipeline',
};

const ruleName = (keyword: 'only' | 'except', rule: RefRule): string =>
  `${keyword}: ${rule.kind === 'keyword' ? rule.keyword : 'refs'}`;

const list = (rules: readonly RefRule[]): string => {
  const shown = rules.slice(0, 5).map(({ text }) => shorten(text));
  return `[${[...shown, ...(rules.length > 5 ? ['…'] : [])].join(', ')}]`;
};

/** For people: "branch develop (push)". */
export const describe = ({ ref, source }: Trigger): string => `${ref.kind} ${shorten(ref.name)} (${source})`;

/** The source is told only where it may have decided. */
const describeFor = (rules: readonly RefRule[], trigger: Trigger): string => {
  const decides = rules.some(({ kind, text }) => kind === 'keyword' && text !== 'branches' && text !== 'tags');
  return decides ? describe(trigger) : `${trigger.ref.kind} ${shorten(trigger.ref.name)}`;
};
