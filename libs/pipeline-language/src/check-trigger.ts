import type { JobDefinition } from './definition.ts';
import type { Defaults } from './keywords/file-keywords.ts';
import { jobKeywords, type JobKeyword } from './keywords/job-keywords.ts';
import type { Position } from './node.ts';
import type { Where } from './read.ts';

/** What makes sense of a job that starts a pipeline instead of running a script (as in GitLab). */
const besideTrigger: ReadonlySet<JobKeyword> = new Set<JobKeyword>([
  'trigger',
  'stage',
  'extends',
  'inherit',
  'needs',
  'rules',
  'only',
  'except',
  'when',
  'manual_confirmation',
  'allow_failure',
  'variables',
  'interruptible',
  'resource_group',
  'parallel',
  'matrix',
  'environment',
]);

/** What such a job takes over of the file's defaults; the others are for scripts. */
export const takenByTrigger: readonly (keyof Defaults)[] = ['interruptible'];

/** Says what is there for a script that there is not. */
export const checkTrigger = ({ keywords, settings }: JobDefinition, where: Where): void => {
  if (!keywords.has('trigger')) return;
  const refuse = (what: string, at: Position, hint: string): void =>
    where.report.error('conflicting-keywords', at, `${where.label} has \`trigger\` and ${what}.`, hint);
  for (const key of jobKeywords) {
    const entry = keywords.get(key);
    if (!entry || besideTrigger.has(key)) continue;
    refuse(`\`${key}\``, entry.at, 'Remove it: a job that starts a pipeline runs nothing. Or write two jobs.');
  }
  if (settings.parallel?.kind === 'count')
    refuse('a number of copies', keywords.get('parallel')!.at, 'Write `parallel: {matrix: …}`, by which they differ.');
  const wait = 'Use `on_success`, `on_failure`, `always` or `manual`.';
  if (settings.when === 'delayed') refuse('`when: delayed`', keywords.get('when')!.at, wait);
  for (const rule of settings.rules ?? []) if (rule.when === 'delayed') refuse('`when: delayed`', rule.at, wait);
};
