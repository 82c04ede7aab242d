import type { PipelineFacts, PlanDecision } from '@foldline/contracts';
import { appliedTo } from './apply-rules.ts';
import type { Definition, JobDefinition } from './definition.ts';
import { copyCount, expandCopies, type Copy } from './expand-matrix.ts';
import type { AutoCancel } from './keywords/auto-cancel.ts';
import { mergedVariables } from './keywords/variables.ts';
import { shorten } from './node.ts';
import { inside, subject } from './read.ts';
import type { Report } from './report.ts';
import type { RepositoryFacts } from './repository-facts.ts';
import { ruleScopes, type RuleScope, type RuleScopes } from './rule-scope.ts';
import { byRefs } from './select-by-refs.ts';
import type { Selected } from './selected.ts';
import { isEdge } from './stages.ts';
import { hasPush, verdictOf, type RuleFacts } from './verdict.ts';

export { describe } from './select-by-refs.ts';

/** What a definition is compiled for. `variables` came with the request and win over the file's at run time. */
export type Trigger = PipelineFacts & {
  variables: Record<string, string>;
  /** The project's variables that the jobs will have. Rules may look at their values, which are never told to anybody. */
  sealed?: readonly { name: string; masked: boolean; value?: string; scope?: string; expand?: true }[];
};

export type Selection = {
  /** The definition with the variables that its workflow adds. */
  definition: Definition;
  selected: Selected[];
  decisions: PlanDecision[];
  /** Why `workflow` lets no job in. */
  leftOut?: string;
};

/** A job or a copy of it, as its rules make it, with why it is there or is not. */
type Decided = { job: JobDefinition; copy?: Copy; decision: PlanDecision };
type Reason = Omit<PlanDecision, 'definition' | 'copy'>;
type Context = {
  trigger: Trigger;
  scopes: RuleScopes;
  repository: RepositoryFacts;
  report: Report;
  hasWorkflow: boolean;
};

/** Chooses the jobs for a trigger and records why, for each job of the file, chosen or not. */
export const selectJobs = (
  read: Definition,
  trigger: Trigger,
  repository: RepositoryFacts,
  report: Report,
): Selection => {
  const { definition, leftOut } = applyWorkflow(read, { trigger, repository, report });
  const hasWorkflow = definition.workflow.rules !== undefined;
  const context = { trigger, scopes: ruleScopes(definition, trigger), repository, report, hasWorkflow };
  const decided = withoutLoneEdges(
    definition.jobs.flatMap((job) =>
      leftOut ? [{ job, decision: { definition: job.name, ...leftOut } }] : decide(job, context),
    ),
  );
  const templates = definition.templates.map(({ name }): PlanDecision => {
    const because = 'a name that begins with a dot is a template, not a job';
    return { definition: name, created: false, rule: 'template', because };
  });
  return {
    definition,
    selected: selectedOf(decided),
    decisions: [...decided.map(({ decision }) => decision), ...templates],
    ...(leftOut && { leftOut: leftOut.because }),
  };
};

/** Copies that the same rule made alike are one job with several copies again. */
const selectedOf = (decided: readonly Decided[]): Selected[] => {
  const selected: Selected[] = [];
  for (const { job, copy, decision } of decided) {
    if (!decision.created) continue;
    const last = selected.at(-1);
    if (!copy) selected.push({ job });
    else if (last?.only && last.job === job) selected[selected.length - 1] = { job, only: [...last.only, copy] };
    else selected.push({ job, only: [copy] });
  }
  return selected;
};

/** What comes before and behind everything else does not run for itself. */
const withoutLoneEdges = (decided: readonly Decided[]): readonly Decided[] => {
  if (decided.some(({ job, decision }) => decision.created && !isEdge(job.stage))) return decided;
  const because = 'no job of another stage is in the pipeline';
  return decided.map((each) => {
    const { job, decision } = each;
    if (!decision.created) return each;
    return { ...each, decision: { ...decision, created: false, rule: `stage: ${job.stage}`, because } };
  });
};

/** The rule of `workflow` that lets the pipeline in may add variables to those of the file; otherwise no job is let in. */
const applyWorkflow = (
  definition: Definition,
  { trigger, repository, report }: Omit<Context, 'scopes' | 'hasWorkflow'>,
): { definition: Definition; leftOut?: Reason } => {
  const { rules, auto_cancel: autoCancel } = definition.workflow;
  if (!rules) return { definition };
  const where = inside(inside(subject(report, 'The file'), 'workflow'), 'rules');
  const facts = factsOf(trigger, repository, ruleScopes(definition, trigger).ofPipeline());
  const { rule, name, because } = verdictOf(rules, facts, where);
  if (!rule) return { definition, leftOut: { created: false, rule: `workflow: ${name}`, because } };
  const merged: AutoCancel | undefined = rule.autoCancel ? { ...autoCancel, ...rule.autoCancel } : autoCancel;
  return {
    definition: {
      ...definition,
      variables: mergedVariables(definition.variables, rule.variables),
      workflow: { ...definition.workflow, ...(merged && { auto_cancel: merged }) },
    },
  };
};

const factsOf = (trigger: Trigger, repository: RepositoryFacts, scope: RuleScope): RuleFacts => ({
  scope,
  repository,
  hasPush: hasPush(trigger),
});

/** Copies are decided about one by one where what makes them different was looked at. */
const decide = (job: JobDefinition, context: Context): Decided[] => {
  if (copyCount(job.settings) === 1 && !job.settings.matrix && !job.settings.parallel)
    return [decideOne(job, undefined, context.scopes.ofJob(job), context)];
  const [first, ...others] = expandCopies(job.name, job.settings);
  const scope = context.scopes.ofJob(job, first!);
  const decision = decideOne(job, undefined, scope, context);
  if (!scope.lookedAtTheCopy) return [decision];
  const made = new Map<string, JobDefinition>();
  return [
    { ...decision, copy: first! },
    ...others.map((copy) => ({ ...decideOne(job, copy, context.scopes.ofJob(job, copy), context), copy })),
  ].map((each) => shared({ ...each, decision: { ...each.decision, copy: each.copy.name } }, made));
};

/** The same rule makes the same job of each copy. */
const shared = (decided: Decided, made: Map<string, JobDefinition>): Decided => {
  const { rule } = decided.decision;
  const job = made.get(rule) ?? decided.job;
  made.set(rule, job);
  return { ...decided, job };
};

const decideOne = (job: JobDefinition, copy: Copy | undefined, scope: RuleScope, context: Context): Decided => {
  const { trigger, repository, report, hasWorkflow } = context;
  const facts = factsOf(trigger, repository, scope);
  const { rules } = job.settings;
  if (!rules)
    return { job, decision: { definition: job.name, ...byRefs(job, { trigger, facts, report, hasWorkflow }) } };
  const where = inside(subject(report, `Job \`${shorten(job.name)}\``), 'rules');
  const { rule, name, because } = verdictOf(rules, facts, where);
  const decision = { definition: job.name, created: rule !== undefined, rule: name, because };
  return { job: rule ? appliedTo(job, rule) : job, ...(copy && { copy }), decision };
};
