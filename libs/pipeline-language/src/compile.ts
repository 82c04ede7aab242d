import type { Plan, PlanDecision, Problem } from '@foldline/contracts';
import { checkDownstream } from './downstream-bounds.ts';
import { checkHandedOn } from './handed-on.ts';
import { KeptElsewhere } from './kept-elsewhere.ts';
import type { About, Root } from './load.ts';
import { linkJobs } from './needs.ts';
import type { Position } from './node.ts';
import { planJobs } from './plan.ts';
import { fillInOpenly, planHead } from './plan-head.ts';
import { fileStart, readFile, reportEmpty } from './read-file.ts';
import { Report } from './report.ts';
import { RepositoryFacts } from './repository-facts.ts';
import { checkShownTexts } from './sealed-variables.ts';
import { describe, selectJobs, type Trigger } from './select-jobs.ts';
import { NO_SOURCES, bothWanted, withoutLooking, type Sources, type Wanted } from './sources.ts';
import { checkStopJobs } from './stop-jobs.ts';

/** `file` is the path in the repository, for messages; `text` its content; `sources` what else is known of the commit. */
export type CompileInput = Root & { file: string; text: string; trigger: Trigger; sources?: Sources };
/** A text that is compiled for no trigger: what is wrong with it whatever happens. */
export type LintInput = Omit<CompileInput, 'trigger'> & { about?: About };

/** A plan (warnings inside), or every problem of the file with the decisions that could be made. */
export type CompileResult = { plan: Plan } | { problems: Problem[]; decisions: PlanDecision[] };

/**
 * Compiles `.codara-ci.yml` for a trigger, or tells which files of the repository it must know for that. Pure and
 * synchronous: the same input gives the same answer in the server, the command line and a browser. It never throws for
 * any text; for texts from strangers use `DefinitionCompiler`.
 */
export const attemptToCompile = ({
  trigger,
  sources = NO_SOURCES,
  ...given
}: CompileInput): CompileResult | { wanted: Wanted } => {
  const { file, at } = given;
  const report = new Report(file);
  const { wanted, included = [], definition: read } = readFile({ ...given, sources, trigger }, report);
  if (wanted) return { wanted };
  if (!read) return { problems: report.problems(), decisions: [] };
  const repository = new RepositoryFacts(sources);
  const { definition, selected, decisions, leftOut } = selectJobs(read, trigger, repository, report);
  if (repository.wanted) return { wanted: repository.wanted };
  if (definition.jobs.length === 0) reportEmpty(definition, report, at);
  else if (leftOut !== undefined) reportLeftOut(report, trigger, leftOut, at);
  else if (selected.length === 0) reportNoneSelected(report, trigger, decisions, at);
  const jobsOfTheFile = selected.map(({ job }) => job);
  checkShownTexts(jobsOfTheFile, trigger, report);
  const links = linkJobs(definition, selected, describe(trigger), report);
  checkStopJobs(definition, { selected, excludes: describe(trigger) }, report);
  const kept = new KeptElsewhere(sources, trigger);
  const known = { fill: fillInOpenly(definition, trigger), repository, kept };
  const jobs = report.failed ? [] : planJobs(definition, links, known, report);
  const stillWanted = bothWanted(repository.wanted, kept.wanted);
  if (stillWanted) return { wanted: stillWanted };
  checkDownstream(jobs, definition, trigger, report);
  checkHandedOn(jobs, definition, trigger, report);
  if (report.failed) return { problems: report.problems(), decisions };
  const head = { ...planHead(definition, trigger), ...(included.length > 0 && { included }) };
  return { plan: { version: 1, file, ...head, jobs, warnings: report.problems(), decisions } };
};

/** With all that is known: a file that was not looked up counts as one that is not there. */
export const compile = (input: CompileInput): CompileResult =>
  withoutLooking(input.sources, (sources) => attemptToCompile({ ...input, sources }));

const reportLeftOut = (report: Report, trigger: Trigger, because: string, at: Position = fileStart): void => {
  if (report.failed) return;
  const message = `\`workflow\` leaves the pipeline out for ${describe(trigger)}: ${because}.`;
  report.error('no-jobs', at, message, 'Trigger another ref, or change `workflow: rules`.');
};

const reportNoneSelected = (
  report: Report,
  trigger: Trigger,
  decisions: readonly PlanDecision[],
  at: Position = fileStart,
): void => {
  if (report.failed) return;
  const reasons = decisions
    .filter(({ rule }) => rule !== 'template')
    .map(({ definition, because }) => `\`${definition}\`: ${because}`);
  const shown = reasons.slice(0, 5).join('; ');
  const more = reasons.length > 5 ? `; and ${reasons.length - 5} more` : '';
  const message = `No job of the file runs for ${describe(trigger)}. ${shown}${more}.`;
  report.error('no-jobs', at, message, 'Trigger another ref, or change `rules`, `only` and `except`.');
};
