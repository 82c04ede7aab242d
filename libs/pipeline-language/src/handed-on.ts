import type { PlannedJob } from '@foldline/contracts';
import type { Definition, JobDefinition } from './definition.ts';
import { placeOfTrigger } from './downstream-bounds.ts';
import type { Variables } from './keywords/variables.ts';
import { namesIn } from './names-in.ts';
import { shorten, type Position } from './node.ts';
import type { Report } from './report.ts';
import type { Trigger } from './select-jobs.ts';

/**
 * What a job hands on to a pipeline of another project is kept in clear, and that project has variables of its own. What
 * is made of variables of this one would come out incomplete, and is told here instead. What the job itself says is a
 * mistake; what it takes over of the file may be meant for other jobs.
 */
export const checkHandedOn = (
  jobs: readonly PlannedJob[],
  definition: Definition,
  { variables: given, sealed = [] }: Pick<Trigger, 'variables' | 'sealed'>,
  report: Report,
): void => {
  const ofProject = new Set(sealed.map(({ name }) => name).filter((name) => !Object.hasOwn(given, name)));
  if (ofProject.size === 0) return;
  const byName = new Map(definition.jobs.map((job) => [job.name, job]));
  for (const planned of jobs) {
    if (planned.trigger?.of.kind !== 'project' || !planned.trigger.forward.yamlVariables) continue;
    const job = byName.get(planned.definition)!;
    const own: Variables = { values: planned.variables, raw: planned.rawVariables ?? [] };
    const taken = takenOver(planned, definition);
    const isSet = (name: string): boolean => Object.hasOwn(own.values, name) || Object.hasOwn(taken.values, name);
    const isLost = (name: string, within: string): boolean => ofProject.has(name) && (name === within || !isSet(name));
    for (const [name, lost] of lostIn(own, isLost))
      report.error('sealed-variable', placeOf(job, name), messageOf(job, name, lost), hint);
    for (const [name, lost] of lostIn(taken, isLost))
      report.warn('sealed-variable', placeOfTrigger(job), messageOf(job, name, lost), hintOfFile);
  }
};

/** Variables of the file that the job has, and does not set itself. */
const takenOver = ({ inheritedVariables, variables: own }: PlannedJob, { variables }: Definition): Variables => {
  const names = (inheritedVariables ?? Object.keys(variables.values)).filter((name) => !Object.hasOwn(own, name));
  return { values: Object.fromEntries(names.map((name) => [name, variables.values[name]!])), raw: variables.raw };
};

/** Each variable that names one that is lost, with that. */
const lostIn = (
  { values, raw }: Variables,
  isLost: (name: string, within: string) => boolean,
): (readonly [name: string, lost: string])[] =>
  Object.entries(values).flatMap(([name, text]) => {
    const lost = raw.includes(name) ? undefined : [...namesIn(text)].find((each) => isLost(each, name));
    return lost === undefined ? [] : [[name, lost] as const];
  });

const placeOf = (job: JobDefinition, name: string): Position => {
  const variables = job.keywords.get('variables')?.value;
  return (variables?.kind === 'map' ? variables.entries.get(name)?.at : undefined) ?? placeOfTrigger(job);
};

const messageOf = ({ name: job }: JobDefinition, name: string, lost: string): string =>
  `Job \`${shorten(job)}\`: \`trigger\` hands on \`${shorten(name)}\`, which uses \`$${shorten(lost)}\`, a variable of the project; those are not handed to another project.`;

const hint = 'Set it there as a variable of that project, or give the value with the request.';
const hintOfFile =
  'It is left empty there. Set it in that project, or write `inherit: {variables: false}` or `forward: {yaml_variables: false}`.';
