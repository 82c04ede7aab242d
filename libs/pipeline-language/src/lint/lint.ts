import type { Problem } from '@foldline/contracts';
import type { LintInput } from '../compile.ts';
import { present } from '../grammar/present.ts';
import { limits } from '../limits.ts';
import { linkJobs } from '../needs.ts';
import { planJobs } from '../plan.ts';
import { readFile, reportEmpty } from '../read-file.ts';
import { Report } from '../report.ts';
import { RepositoryFacts } from '../repository-facts.ts';
import { checkShownTexts } from '../sealed-variables.ts';
import type { Selected } from '../selected.ts';
import { NO_SOURCES, bothWanted, withoutLooking, type Sources, type Wanted } from '../sources.ts';
import { checkStopJobs } from '../stop-jobs.ts';
import { lintDefinition } from './lint-definition.ts';
import { checkHeldGroups, type HeldGroup } from './held-groups.ts';
import { startedHere, type StartedHere } from './started-here.ts';

/** Every problem of the file, whatever it is triggered by, with those that refuse no plan; or what must be known before that can be told. */
export const attemptToLint = (input: LintInput): { problems: Problem[] } | { wanted: Wanted } => {
  const report = new Report(input.file);
  const { wanted, children } = lintOne(input, report);
  if (wanted) return { wanted };
  const below = lintChildren(children, input, report);
  return below ? { wanted: below } : { problems: report.problems() };
};

/** What a definition starts is linted with it, each once: pipelines may start one another in a circle. */
const lintChildren = (
  children: readonly StartedHere[],
  { file, sources, about }: LintInput,
  report: Report,
): Wanted | undefined => {
  const pending = [...children];
  const seen = new Set<string>();
  let all: Wanted | undefined;
  for (const child of pending) {
    const { text, at, held } = child;
    const known = JSON.stringify([text, held.map(({ group }) => group).toSorted()]);
    if (seen.has(known) || seen.size >= limits.includes) continue;
    seen.add(known);
    const own = new Report(file);
    const given = { file, text, at, ...present('sources', sources), ...present('about', about) };
    const { wanted, children: below } = lintOne(given, own, held);
    all = bothWanted(all, wanted);
    report.adopt(own.problems());
    pending.push(...below);
  }
  return all;
};

const lintOne = (
  { sources = NO_SOURCES, ...given }: LintInput,
  report: Report,
  held: readonly HeldGroup[] = [],
): { wanted?: Wanted; children: StartedHere[] } => {
  const { wanted, root, definition } = readFile({ ...given, sources }, report);
  if (wanted) return { wanted, children: [] };
  if (!root || !definition) return { children: [] };
  if (definition.jobs.length === 0 && !report.isPartial) reportEmpty(definition, report, given.at);
  checkShownTexts(definition.jobs, { variables: {} }, report);
  const selected: Selected[] = definition.jobs.map((job) => ({ job }));
  const links = linkJobs(definition, selected, 'any trigger', report);
  checkStopJobs(definition, { selected, excludes: 'any trigger' }, report);
  if (!report.failed) planJobs(definition, links, { fill: (text) => text }, report);
  lintDefinition(root, definition, report);
  checkHeldGroups(definition, held, report);
  const repository = new RepositoryFacts(sources);
  const children = startedHere(definition, held, repository, report);
  return { ...present('wanted', repository.wanted), children };
};

export const lint = (file: string, text: string, given?: Sources): Problem[] =>
  withoutLooking(given, (sources) => attemptToLint({ file, text, sources })).problems;
