import type { PlannedOnly } from '@foldline/contracts';
import { checkTrigger, takenByTrigger } from './check-trigger.ts';
import { dialectOf, type Dialect } from './dialect.ts';
import { readOnce } from './grammar/read-once.ts';
import { readEntries } from './grammar/record.ts';
import { defaultable } from './keywords/defaultable.ts';
import { defaults, fileFields, globals, isFileKeyword, refusedAtTop, type Defaults } from './keywords/file-keywords.ts';
import { takes } from './keywords/inherit.ts';
import { isJobKeyword, job, type JobSettings } from './keywords/job-keywords.ts';
import { NO_VARIABLES, type Variables } from './keywords/variables.ts';
import type { Workflow } from './keywords/workflow.ts';
import { limits } from './limits.ts';
import { nameOf, shorten, type Entry, type MapNode, type Position } from './node.ts';
import { reportUnknown, subject, type Where } from './read.ts';
import type { Report } from './report.ts';
import { isEdge, readStages, withEdges } from './stages.ts';
import { nearest } from './suggest.ts';

/** A job as the file defines it, with the file's defaults filled in; not yet chosen, not yet copied. */
export type JobDefinition = {
  name: string;
  at: Position;
  stage: string;
  settings: Partial<JobSettings>;
  /** The keywords as written, for the places of problems. */
  keywords: ReadonlyMap<string, Entry>;
  /** What of it cannot be acted upon yet. */
  marks: readonly PlannedOnly[];
};

export type Template = { name: string; at: Position };

export type Definition = {
  dialect: Dialect;
  stages: string[];
  variables: Variables;
  jobs: JobDefinition[];
  workflow: Workflow;
  /** Keys that begin with a dot: templates for YAML anchors, never jobs. */
  templates: Template[];
};

/** With one of these a job needs no script. */
const replacesScript = ['extends', 'trigger', 'run', 'release'];

export const readDefinition = (root: MapNode, report: Report): Definition => {
  const file = subject(report, 'The file');
  const stages = readStages(root.entries.get('stages'), file);
  const inherited = readDefaults(root, report);
  const settings = readEntries(fileFields, refusedAtTop, only(root, ['variables', 'workflow']), file);
  inherited.marks.push(...file.marks.filter(({ keyword }) => keyword.startsWith(ofVariables)));
  const definition: Definition = {
    dialect: dialectOf(report.file),
    stages,
    variables: settings.variables ?? NO_VARIABLES,
    workflow: settings.workflow ?? {},
    jobs: [],
    templates: [],
  };
  for (const entry of root.entries.values()) {
    if (isFileKeyword(entry.key)) continue;
    if (Object.hasOwn(refusedAtTop, entry.key)) reportUnknown(entry, file, { known: [], refused: refusedAtTop });
    else if (entry.key.startsWith('.')) definition.templates.push({ name: entry.key, at: entry.at });
    else {
      const read = readJob(entry, inherited, stages, report);
      if (read) definition.jobs.push(read);
    }
  }
  const used = new Set(definition.jobs.map(({ stage }) => stage));
  const listed = report.isPartial ? [...new Set([...stages, ...[...used].filter((stage) => !isEdge(stage))])] : stages;
  return { ...definition, stages: withEdges(listed, used) };
};

const only = (root: MapNode, keys: readonly string[]): ReadonlyMap<string, Entry> =>
  new Map([...root.entries].filter(([key]) => keys.includes(key)));

/** What jobs take over, and what of it cannot be acted upon yet. */
type Inherited = { settings: Partial<Defaults>; marks: PlannedOnly[] };

const ofVariables = 'variables.';

const readDefaults = (root: MapNode, report: Report): Inherited => {
  const where = subject(report, 'Default');
  const entry = root.entries.get('default');
  const settings = (entry && defaults.read(entry.value, where)) ?? {};
  const written = entry?.value.kind === 'map' ? entry.value.entries : new Map<string, Entry>();
  const file = { ...subject(report, 'The file'), marks: where.marks };
  for (const key of globals.filter((name) => root.entries.has(name))) {
    if (!written.has(key)) Object.assign(settings, readEntries(fileFields, {}, only(root, [key]), file));
    else {
      const message = `\`${key}\` is set in \`default\` and at the top of the file.`;
      report.error('conflicting-keywords', root.entries.get(key)!.at, message, 'Keep one of them.');
    }
  }
  return { settings, marks: where.marks };
};

const onlyKeys = (settings: Partial<Defaults>, keys: readonly string[]): Partial<Defaults> =>
  Object.fromEntries(Object.entries(settings).filter(([key]) => keys.includes(key)));

const readJob = (
  entry: Entry,
  inherited: Inherited,
  stages: readonly string[],
  report: Report,
): JobDefinition | undefined => {
  const { key: name, at, value } = entry;
  const where = subject(report, `Job \`${shorten(name)}\``);
  if (!checkName(name, at, report) || !checkIsJob(entry, report) || value.kind !== 'map') return undefined;
  const keywords = value.entries;
  const own = readOnce(job, value, where) ?? {};
  const mayTake = keywords.has('trigger') ? takenByTrigger : defaultable;
  const taken = mayTake.filter((key) => !keywords.has(key) && takes(own.inherit?.default, key));
  const settings = { ...onlyKeys(inherited.settings, taken), ...own };
  const hasVariable = (name: string): boolean =>
    takes(own.inherit?.variables, name) && !Object.hasOwn(own.variables?.values ?? {}, name);
  const isTaken = ({ keyword }: PlannedOnly): boolean =>
    keyword.startsWith(ofVariables)
      ? hasVariable(keyword.slice(ofVariables.length))
      : taken.some((key) => isIn(keyword, key));
  const marks = [...inherited.marks.filter(isTaken), ...where.marks];
  const read = { name, at, stage: settings.stage ?? 'test', settings, keywords, marks };
  checkStage(read, stages, where);
  checkScript(read, where);
  checkServices(read, where);
  checkTrigger(read, where);
  checkCopies(read, where);
  checkConditions(read, where);
  checkDelay(read, where);
  return read;
};

const isIn = (path: string, keyword: string): boolean => path === keyword || path.startsWith(`${keyword}.`);

const checkName = (name: string, at: Position, report: Report): boolean => {
  const usable = name !== '' && name.length <= limits.nameLength && !/[\p{Cc}\p{Cf}]/u.test(name);
  const hint = `Job names have 1 to ${limits.nameLength} printable characters.`;
  if (!usable) report.error('invalid-job-name', at, `\`${shorten(name)}\` cannot be the name of a job.`, hint);
  return usable;
};

/** A misspelt keyword of the file looks like a job that is none. */
const checkIsJob = ({ key, at, value }: Entry, report: Report): boolean => {
  if (value.kind === 'map' && value.entries.has('script')) return true;
  const meant = nearest(key, Object.keys(fileFields));
  const known = value.kind === 'map' ? [...value.entries.keys()].some(isJobKeyword) : false;
  if (meant !== undefined && !known) {
    report.error('unknown-keyword', at, `\`${shorten(key)}\` is not a keyword.`, `Did you mean \`${meant}\`?`);
    return false;
  }
  if (value.kind === 'map') return true;
  const message = `Job \`${shorten(key)}\` must be a map with a \`script\`, but it is ${nameOf(value)}.`;
  const hint = defaultable.some((name) => name === key)
    ? `For all jobs, write it under \`default\`.`
    : 'Write `script:` and the commands under the name of the job.';
  report.error('wrong-type', at, message, hint);
  return false;
};

const checkStage = ({ stage, keywords, at }: JobDefinition, stages: readonly string[], where: Where): void => {
  if (stages.includes(stage) || isEdge(stage)) return;
  const written = keywords.get('stage');
  const meant = nearest(stage, stages);
  const hint =
    meant === undefined
      ? `The stages are ${stages.map((name) => `\`${name}\``).join(', ')}.`
      : `Did you mean \`${meant}\`?`;
  const which = written ? '' : ' (the default, as none is written)';
  const message = `${where.label} is in the stage \`${shorten(stage)}\`${which}, which the file does not list.`;
  where.report.error('unknown-stage', written?.value.at ?? at, message, hint);
};

const checkScript = ({ settings, keywords, at }: JobDefinition, where: Where): void => {
  const written = keywords.get('script');
  if (settings.script === undefined ? written : settings.script.some(({ value }) => value.trim() !== '')) return;
  if (replacesScript.some((key) => keywords.has(key))) return;
  const message = `${where.label} has no commands to run.`;
  where.report.error('missing-script', written?.at ?? at, message, 'Add `script:` with at least one command.');
};

/** The names of services are known to containers alone. */
const checkServices = ({ settings, keywords, at }: JobDefinition, where: Where): void => {
  if (settings.image !== undefined || !settings.services?.length || keywords.has('trigger')) return;
  const message = `${where.label} has services and no \`image\`: it will fail (\`config_error\`).`;
  where.report.warn('services-without-image', keywords.get('services')?.value.at ?? at, message);
};

/** Which of both would decide is anybody's guess (GitLab refuses it, too). */
const checkConditions = ({ keywords }: JobDefinition, where: Where): void => {
  const other = keywords.get('only') ?? keywords.get('except');
  if (!keywords.has('rules') || !other) return;
  const message = `${where.label} has \`rules\` and \`${other.key}\`.`;
  where.report.error('conflicting-keywords', other.at, message, 'Write it as a rule, and remove it here.');
};

const checkCopies = ({ keywords }: JobDefinition, where: Where): void => {
  const [parallel, matrix] = [keywords.get('parallel'), keywords.get('matrix')];
  if (!parallel || !matrix) return;
  const message = `${where.label} has \`parallel\` and \`matrix\`.`;
  where.report.error(
    'conflicting-keywords',
    matrix.at,
    message,
    'Keep one of them; `parallel: {matrix: …}` is the same as `matrix`.',
  );
};

/** A job waits for a time only when both are said. */
const checkDelay = ({ keywords, settings, at }: JobDefinition, where: Where): void => {
  const delay = keywords.get('start_in');
  const alone = (at: Position): void =>
    where.report.error(
      'conflicting-keywords',
      at,
      `${where.label} has \`start_in\` without \`when: delayed\`.`,
      'Add `when: delayed`, or remove it.',
    );
  if (settings.when === 'delayed' && !delay)
    where.report.error(
      'invalid-value',
      keywords.get('when')?.at ?? at,
      `${where.label} has \`when: delayed\`, which needs \`start_in\`.`,
      'Write for example `start_in: 30 minutes`.',
    );
  else if (delay && settings.when !== 'delayed' && !settings.rules) alone(delay.at);
  for (const rule of settings.rules ?? [])
    if (rule.startInSeconds !== undefined && (rule.when ?? settings.when) !== 'delayed') alone(rule.at);
};
