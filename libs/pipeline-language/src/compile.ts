import type { IncludedFile, Plan, PlanDecision, Problem } from '@foldline/contracts';
import { readDefinition, type Definition } from './definition.ts';
import { resolveExtends } from './extend.ts';
import { lintDefinition } from './lint/lint-definition.ts';
import { load, type Loaded } from './load.ts';
import { linkJobs } from './needs.ts';
import { shorten } from './node.ts';
import { planJobs } from './plan.ts';
import { fillInOpenly, planHead } from './plan-head.ts';
import { resolveReferences } from './references.ts';
import { Report } from './report.ts';
import { RepositoryFacts } from './repository-facts.ts';
import { checkShownTexts } from './sealed-variables.ts';
import { describe, selectJobs, type Trigger } from './select-jobs.ts';
import { NO_SOURCES, withoutLooking, type Sources, type Wanted } from './sources.ts';

/** `file` is the path in the repository, for messages; `text` its content; `sources` what else is known of the commit. */
export type CompileInput = { file: string; text: string; trigger: Trigger; sources?: Sources };

/** A plan (warnings inside), or every problem of the file with the decisions that could be made. */
export type CompileResult = { plan: Plan } | { problems: Problem[]; decisions: PlanDecision[] };

const fileStart = { line: 1, column: 1 };

/**
 * Compiles `.codara-ci.yml` for a trigger, or tells which files of the repository it must know for that. Pure and
 * synchronous: the same input gives the same answer in the server, the command line and a browser. It never throws for
 * any text; for texts from strangers use `DefinitionCompiler`.
 */
export const attemptToCompile = ({
  file,
  text,
  trigger,
  sources = NO_SOURCES,
}: CompileInput): CompileResult | { wanted: Wanted } => {
  const report = new Report(file);
  const { wanted, included = [], definition: read } = readFile({ file, text, sources, trigger }, report);
  if (wanted) return { wanted };
  if (!read) return { problems: report.problems(), decisions: [] };
  const repository = new RepositoryFacts(sources);
  const { definition, selected, decisions } = selectJobs(read, trigger, repository, report);
  if (repository.wanted) return { wanted: repository.wanted };
  if (definition.jobs.length === 0) reportEmpty(definition, report);
  else if (selected.length === 0) reportNoneSelected(report, trigger, decisions);
  const jobsOfTheFile = selected.map(({ job }) => job);
  checkShownTexts(jobsOfTheFile, trigger, report);
  const links = linkJobs(definition, selected, describe(trigger), report);
  const jobs = report.failed ? [] : planJobs(definition, links, fillInOpenly(definition, trigger), report);
  if (report.failed) return { problems: report.problems(), decisions };
  const head = { ...planHead(definition, trigger), ...(included.length > 0 && { included }) };
  return { plan: { version: 1, file, ...head, jobs, warnings: report.problems(), decisions } };
};

/** Every problem of the file, whatever it is triggered by, with those that refuse no plan; or what must be known before that can be told. */
export const attemptToLint = (
  file: string,
  text: string,
  sources: Sources = NO_SOURCES,
): { problems: Problem[] } | { wanted: Wanted } => {
  const report = new Report(file);
  const { wanted, definition } = readFile({ file, text, sources }, report);
  if (wanted) return { wanted };
  if (!definition) return { problems: report.problems() };
  if (definition.jobs.length === 0) reportEmpty(definition, report);
  checkShownTexts(definition.jobs, { variables: {} }, report);
  const links = linkJobs(
    definition,
    definition.jobs.map((job) => ({ job })),
    'any trigger',
    report,
  );
  if (!report.failed) planJobs(definition, links, (text) => text, report);
  lintDefinition(definition, report);
  return { problems: report.problems() };
};

/** With all that is known: a file that was not looked up counts as one that is not there. */
export const compile = (input: CompileInput): CompileResult =>
  withoutLooking(input.sources, (sources) => attemptToCompile({ ...input, sources }));

export const lint = (file: string, text: string, given?: Sources): Problem[] =>
  withoutLooking(given, (sources) => attemptToLint(file, text, sources)).problems;

/** What the file says once everything that it shares with itself is laid out; nothing when it is no YAML of ours. */
const readFile = (
  input: Loaded,
  report: Report,
): { wanted?: Wanted; included?: IncludedFile[]; definition?: Definition } => {
  const { root, wanted, included } = load(input, report);
  if (wanted) return { wanted };
  const whole = root && resolveReferences(resolveExtends(root, report), report);
  return whole ? { included, definition: readDefinition(whole, report) } : {};
};

/** Silent when the file has other mistakes: a job that could not be read is not a missing one. */
const reportEmpty = ({ templates }: Definition, report: Report): void => {
  if (report.failed) return;
  const [first] = templates;
  if (first) {
    const names = templates.slice(0, 5).map(({ name }) => `\`${shorten(name)}\``);
    const shown = [...names, ...(templates.length > 5 ? [`${templates.length - 5} more`] : [])].join(', ');
    const message = `The file defines no job, only templates: ${shown}. A name that begins with a dot is never a job.`;
    report.error('no-jobs', first.at, message, 'Take the dot off the name of what should run.');
    return;
  }
  report.error('no-jobs', fileStart, 'The file defines no job.', 'Add a job: a name with a `script:` under it.');
};

const reportNoneSelected = (report: Report, trigger: Trigger, decisions: readonly PlanDecision[]): void => {
  if (report.failed) return;
  const reasons = decisions
    .filter(({ rule }) => rule !== 'template')
    .map(({ definition, because }) => `\`${definition}\`: ${because}`);
  const shown = reasons.slice(0, 5).join('; ');
  const more = reasons.length > 5 ? `; and ${reasons.length - 5} more` : '';
  const message = `No job of the file runs for ${describe(trigger)}. ${shown}${more}.`;
  report.error('no-jobs', fileStart, message, 'Trigger another ref, or change `rules`, `only` and `except`.');
};
