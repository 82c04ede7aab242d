import type { JobDefinition } from './definition.ts';
import { namesIn } from './names-in.ts';
import { shorten, type Position } from './node.ts';
import { inside, subject, type Where } from './read.ts';
import type { Report } from './report.ts';
import type { Trigger } from './select-jobs.ts';

type Variables = Pick<Trigger, 'variables' | 'sealed'>;

/**
 * The name and the address of an environment, resource groups, tags and what a job starts are kept and shown in clear, so
 * they are filled in without the project's variables and the job's secrets. What is made of those would come out
 * incomplete, and is told here instead.
 */
export const checkShownTexts = (jobs: readonly JobDefinition[], variables: Variables, report: Report): void => {
  const sealed = new Map<string, boolean>();
  // Of one name there may be several, each for some environments.
  for (const { name, masked } of variables.sealed ?? []) sealed.set(name, masked || sealed.get(name) === true);
  const given = new Set(Object.keys(variables.variables));
  for (const job of jobs) {
    const secrets = job.settings.secrets ?? {};
    for (const { text, at, where } of textsOf(job, report)) {
      for (const name of namesIn(text)) {
        if (Object.hasOwn(secrets, name)) refuse(name, 'a secret of the job', at, where);
        else if (!given.has(name) && sealed.has(name)) tellSealed({ name, masked: sealed.get(name)! }, at, where);
      }
    }
  }
};

/** A variable of the project is named where everybody sees what is made of it. */
export const tellSealed = ({ name, masked }: { name: string; masked: boolean }, at: Position, where: Where): void =>
  masked ? refuse(name, 'a masked variable of the project', at, where) : warn(name, at, where);

type Text = { text: string; at: Position; where: Where };

const textsOf = (job: JobDefinition, report: Report): Text[] => [
  ...textsOfEnvironment(job, report),
  ...textsOfGroup(job, report),
  ...textsOfTags(job, report),
  ...textsOfTrigger(job, report),
];

const textsOfTrigger = ({ name, settings }: JobDefinition, report: Report): Text[] => {
  const where = inside(subject(report, `Job \`${shorten(name)}\``), 'trigger');
  const of = settings.trigger?.of;
  if (of?.kind === 'project')
    return [of.project, ...(of.branch ? [of.branch] : [])].map(({ value: text, at }) => ({ text, at, where }));
  const targets = of?.files.flatMap((file) => file.targets) ?? [];
  return targets.flatMap(({ value, at }) =>
    Object.values(value).map((text) => ({ text, at, where: inside(where, 'include') })),
  );
};

const textsOfTags = ({ name, at, settings, keywords }: JobDefinition, report: Report): Text[] => {
  const where = inside(subject(report, `Job \`${shorten(name)}\``), 'tags');
  return (settings.tags ?? []).map((text) => ({ text, at: keywords.get('tags')?.value.at ?? at, where }));
};

const textsOfGroup = ({ name, settings, keywords }: JobDefinition, report: Report): Text[] => {
  const text = settings.resource_group;
  const where = inside(subject(report, `Job \`${shorten(name)}\``), 'resource_group');
  return text === undefined ? [] : [{ text, at: keywords.get('resource_group')!.value.at, where }];
};

const textsOfEnvironment = ({ name, settings, keywords }: JobDefinition, report: Report): Text[] => {
  const entry = keywords.get('environment');
  const { environment } = settings;
  if (!entry || !environment) return [];
  const where = inside(subject(report, `Job \`${shorten(name)}\``), 'environment');
  if (entry.value.kind !== 'map') return [{ text: environment.name, at: entry.value.at, where }];
  const fields = entry.value.entries;
  return (['name', 'url'] as const).flatMap((key) => {
    const text = environment[key];
    return text === undefined ? [] : [{ text, at: fields.get(key)?.value.at ?? entry.at, where: inside(where, key) }];
  });
};

const hint = 'Use a variable of the file, the job or the request, or for example `$CI_COMMIT_REF_SLUG`.';

const refuse = (name: string, what: string, at: Position, where: Where): void => {
  const message = `${where.label} uses \`$${shorten(name)}\`, ${what}; this is shown in clear.`;
  where.report.error('sealed-variable', at, message, hint);
};

const warn = (name: string, at: Position, where: Where): void => {
  const message = `${where.label} uses \`$${shorten(name)}\`, a variable of the project, whose value is sealed; it is not filled in.`;
  where.report.warn('sealed-variable', at, message, hint);
};
