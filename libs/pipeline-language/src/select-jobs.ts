import type { PipelineFacts, PipelineSource, PlanDecision } from '@foldline/contracts';
import { applyRules, verdictOf, type Ruled } from './apply-rules.ts';
import type { Definition, JobDefinition } from './definition.ts';
import type { RefKeyword, RefRule } from './keywords/refs.ts';
import { shorten } from './node.ts';
import { found } from './pattern.ts';
import type { Report } from './report.ts';
import { inside, subject } from './read.ts';
import { ruleScopes, type RuleScopes } from './rule-scope.ts';
import { isEdge } from './stages.ts';

/** What a definition is compiled for. `variables` came with the request and win over the file's at run time. */
export type Trigger = PipelineFacts & {
  variables: Record<string, string>;
  /** The project's variables that the jobs will have. Rules may look at their values, which are never told to anybody. */
  sealed?: readonly { name: string; masked: boolean; value?: string }[];
};

type Selection = {
  /** The definition with the chosen jobs as their rules make them. */
  definition: Definition;
  selected: JobDefinition[];
  decisions: PlanDecision[];
};

/** Chooses the jobs for a trigger and records why, for each job of the file, chosen or not. */
export const selectJobs = (read: Definition, trigger: Trigger, report: Report): Selection => {
  const { definition, leftOut } = applyWorkflow(read, trigger, report);
  const scopes = ruleScopes(definition, trigger);
  const ruled = withoutLoneEdges(
    definition.jobs.map((job) =>
      leftOut ? { job, decision: { definition: job.name, ...leftOut } } : decide(job, trigger, scopes, report),
    ),
  );
  const templates = definition.templates.map(({ name }): PlanDecision => {
    return {
      definition: name,
      created: false,
      rule: 'template',
      because: 'a name that begins with a dot is a template, not a job',
    };
  });
  return {
    definition: { ...definition, jobs: ruled.map(({ job }) => job) },
    selected: ruled.filter(({ decision }) => decision.created).map(({ job }) => job),
    decisions: [...ruled.map(({ decision }) => decision), ...templates],
  };
};

/** What comes before and behind everything else does not run for itself. */
const withoutLoneEdges = (ruled: readonly Ruled[]): readonly Ruled[] => {
  if (ruled.some(({ job, decision }) => decision.created && !isEdge(job.stage))) return ruled;
  const because = 'no job of another stage is in the pipeline';
  return ruled.map(({ job, decision }) => ({
    job,
    decision: decision.created ? { ...decision, created: false, rule: `stage: ${job.stage}`, because } : decision,
  }));
};

type LeftOut = Omit<PlanDecision, 'definition'>;

/** The rule of `workflow` that lets the pipeline in may add variables to those of the file; otherwise no job is let in. */
const applyWorkflow = (
  definition: Definition,
  trigger: Trigger,
  report: Report,
): { definition: Definition; leftOut?: LeftOut } => {
  const { rules } = definition.workflow;
  if (!rules) return { definition };
  const where = inside(inside(subject(report, 'The file'), 'workflow'), 'rules');
  const { rule, name, because } = verdictOf(rules, ruleScopes(definition, trigger).ofPipeline(), where);
  if (!rule) return { definition, leftOut: { created: false, rule: `workflow: ${name}`, because } };
  return { definition: { ...definition, variables: { ...definition.variables, ...rule.variables } } };
};

const decide = (job: JobDefinition, trigger: Trigger, scopes: RuleScopes, report: Report): Ruled => {
  const { rules } = job.settings;
  return rules ? applyRules(job, rules, scopes.ofJob(job), report) : { job, decision: byRefs(job, trigger) };
};

const byRefs = ({ name, settings }: JobDefinition, trigger: Trigger): PlanDecision => {
  const { only, except } = settings;
  const ref = describeFor([...(only ?? []), ...(except ?? [])], trigger);
  const decision = (created: boolean, rule: string, because: string) => ({ definition: name, created, rule, because });
  const included = only?.find((rule) => matches(rule, trigger));
  if (only && !included) return decision(false, 'only: refs', `only: ${list(only)} does not match ${ref}`);
  const excluded = except?.find((rule) => matches(rule, trigger));
  if (excluded)
    return decision(false, ruleName('except', excluded), `except: ${shorten(excluded.text)} matches ${ref}`);
  if (included) return decision(true, ruleName('only', included), `only: ${shorten(included.text)} matches ${ref}`);
  if (except) return decision(true, 'except: refs', `except: ${list(except)} does not match ${ref}`);
  return decision(true, 'default', 'the job has neither rules nor only nor except');
};

const matches = (rule: RefRule, { ref, source }: Trigger): boolean => {
  if (rule.kind === 'keyword') return keywordMatches[rule.text](ref.kind, source);
  if (ref.kind === 'commit') return false;
  return rule.kind === 'name' ? rule.text === ref.name : found(rule.source, ref.name);
};

const keywordMatches: Record<RefKeyword, (kind: Trigger['ref']['kind'], source: PipelineSource) => boolean> = {
  branches: (kind) => kind === 'branch',
  tags: (kind) => kind === 'tag',
  pushes: (_, source) => source === 'push',
  api: (_, source) => source === 'api',
  web: (_, source) => source === 'web',
  schedules: (_, source) => source === 'schedule',
};

const ruleName = (keyword: 'only' | 'except', rule: RefRule): string =>
  `${keyword}: ${rule.kind === 'keyword' ? rule.text : 'refs'}`;

const list = (rules: readonly RefRule[]): string => {
  const shown = rules.slice(0, 5).map(({ text }) => shorten(text));
  return `[${[...shown, ...(rules.length > 5 ? ['…'] : [])].join(', ')}]`;
};

/** The source is told only where it may have decided. */
const describeFor = (rules: readonly RefRule[], trigger: Trigger): string => {
  const decides = rules.some(({ kind, text }) => kind === 'keyword' && text !== 'branches' && text !== 'tags');
  return decides ? describe(trigger) : `${trigger.ref.kind} ${shorten(trigger.ref.name)}`;
};

/** For people: "branch develop (push)". */
export const describe = ({ ref, source }: Trigger): string => `${ref.kind} ${shorten(ref.name)} (${source})`;
