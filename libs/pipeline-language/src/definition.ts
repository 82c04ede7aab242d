import { isJobKeyword, jobKeywords, laterJobKeywords, readKeyword, type JobSettings } from './keywords/job-keywords.ts';
import { limits } from './limits.ts';
import { nameOf, shorten, type Entry, type MapNode, type Position } from './node.ts';
import { inside, readFields, reportUnknown, subject, type Where } from './read.ts';
import type { Report } from './report.ts';
import { isEdge, readStages, withEdges } from './stages.ts';
import { nearest } from './suggest.ts';
import { readVariables } from './keywords/variables.ts';
import { readWorkflow, type Workflow } from './keywords/workflow.ts';

/** A job as the file defines it, with the file's defaults filled in; not yet chosen, not yet copied. */
export type JobDefinition = {
  name: string;
  at: Position;
  stage: string;
  settings: Partial<JobSettings>;
  /** The keywords as written, for the places of problems. */
  keywords: ReadonlyMap<string, Entry>;
};

export type Template = { name: string; at: Position };

export type Definition = {
  stages: string[];
  variables: Record<string, string>;
  jobs: JobDefinition[];
  workflow: Workflow;
  /** Keys that begin with a dot: templates for YAML anchors, never jobs. */
  templates: Template[];
};

/** What may stand in `default:`; those in `globals` also at the top of the file (seed S0-37). */
const defaultable = [
  'image',
  'services',
  'cache',
  'before_script',
  'after_script',
  'artifacts',
  'retry',
  'timeout',
  'interruptible',
  'cluster',
  'resources',
  'priority',
] as const;
const globals: readonly string[] = ['image', 'services', 'cache', 'before_script', 'after_script', 'artifacts'];
const topKeywords: readonly string[] = ['stages', 'variables', 'default', 'workflow', ...globals];
const laterTopKeywords = ['spec', 'pages', 'types'];
/** With one of these (all were refused before) a missing script is not a second mistake. */
const replacesScript = ['extends', 'trigger', 'run', 'release'];

export const readDefinition = (root: MapNode, report: Report): Definition => {
  const file = subject(report, 'The file');
  const stages = readStages(root.entries.get('stages'), file);
  const variables = root.entries.get('variables');
  const workflow = root.entries.get('workflow');
  const defaults = readDefaults(root, report);
  const definition: Definition = {
    stages,
    variables: (variables && readVariables(variables.value, inside(file, 'variables'))) ?? {},
    workflow: (workflow && readWorkflow(workflow.value, inside(file, 'workflow'))) ?? {},
    jobs: [],
    templates: [],
  };
  for (const entry of root.entries.values()) {
    if (topKeywords.includes(entry.key)) continue;
    if (laterTopKeywords.includes(entry.key)) reportUnknown(entry, file, { known: [], later: laterTopKeywords });
    else if (entry.key.startsWith('.')) definition.templates.push({ name: entry.key, at: entry.at });
    else {
      const job = readJob(entry, defaults, stages, report);
      if (job) definition.jobs.push(job);
    }
  }
  const used = new Set(definition.jobs.map(({ stage }) => stage));
  return { ...definition, stages: withEdges(stages, used) };
};

const readDefaults = (root: MapNode, report: Report): Partial<JobSettings> => {
  const settings: Partial<JobSettings> = {};
  const entry = root.entries.get('default');
  const where = subject(report, 'Default');
  const shape = { known: defaultable, later: ['tags', 'hooks', 'id_tokens', 'identity'] };
  const fields = (entry && readFields(entry.value, where, shape)) ?? new Map<string, Entry>();
  for (const key of defaultable) {
    const field = fields.get(key);
    if (field) readKeyword(settings, key, field, inside(where, key));
    const global = globals.includes(key) ? root.entries.get(key) : undefined;
    if (!global) continue;
    if (field) {
      const message = `\`${key}\` is set in \`default\` and at the top of the file.`;
      report.error('conflicting-keywords', global.at, message, 'Keep one of them.');
    } else readKeyword(settings, key, global, inside(subject(report, 'The file'), key));
  }
  return settings;
};

const readJob = (
  entry: Entry,
  defaults: Partial<JobSettings>,
  stages: readonly string[],
  report: Report,
): JobDefinition | undefined => {
  const { key: name, at, value } = entry;
  const where = subject(report, `Job \`${shorten(name)}\``);
  if (!checkName(name, at, report) || !checkIsJob(entry, report) || value.kind !== 'map') return undefined;
  const keywords = value.entries;
  const settings: Partial<JobSettings> = { ...defaults };
  for (const field of keywords.values()) {
    // It is still there where it could not be followed, which was reported.
    if (field.key === 'extends') continue;
    if (isJobKeyword(field.key)) readKeyword(settings, field.key, field, inside(where, field.key));
    else reportUnknown(field, where, { known: jobKeywords, later: laterJobKeywords });
  }
  const job = { name, at, stage: settings.stage ?? 'test', settings, keywords };
  checkStage(job, stages, where);
  checkScript(job, where);
  checkCopies(job, where);
  checkConditions(job, where);
  return job;
};

const checkName = (name: string, at: Position, report: Report): boolean => {
  const usable = name !== '' && name.length <= limits.nameLength && !/[\p{Cc}\p{Cf}]/u.test(name);
  const hint = `Job names have 1 to ${limits.nameLength} printable characters.`;
  if (!usable) report.error('invalid-job-name', at, `\`${shorten(name)}\` cannot be the name of a job.`, hint);
  return usable;
};

/** A misspelt keyword of the file looks like a job that is none. */
const checkIsJob = ({ key, at, value }: Entry, report: Report): boolean => {
  if (value.kind === 'map' && value.entries.has('script')) return true;
  const meant = nearest(key, topKeywords);
  const known = value.kind === 'map' ? [...value.entries.keys()].some(isJobKeyword) : false;
  if (meant !== undefined && !known) {
    report.error('unknown-keyword', at, `\`${shorten(key)}\` is not a keyword.`, `Did you mean \`${meant}\`?`);
    return false;
  }
  if (value.kind === 'map') return true;
  const message = `Job \`${shorten(key)}\` must be a map with a \`script\`, but it is ${nameOf(value)}.`;
  report.error('wrong-type', at, message, 'Write `script:` and the commands under the name of the job.');
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
  if (settings.script === undefined ? written : settings.script.length > 0) return;
  if (replacesScript.some((key) => keywords.has(key))) return;
  const message = `${where.label} has no commands to run.`;
  where.report.error('missing-script', written?.at ?? at, message, 'Add `script:` with at least one command.');
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
