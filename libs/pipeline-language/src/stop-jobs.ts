import type { Definition, JobDefinition } from './definition.ts';
import { entryOf } from './grammar/record.ts';
import { namedJobs } from './named-jobs.ts';
import { isNothing, shorten } from './node.ts';
import type { Located } from './read.ts';
import type { Report } from './report.ts';
import type { Selected } from './selected.ts';
import { didYouMean } from './suggest.ts';

/** `excludes` says for people what jobs may be left out for. */
type InPipeline = { selected: readonly Selected[]; excludes: string };

/**
 * Reports jobs whose `on_stop` names no job that stops their environment (as GitLab does), or, as a warning, one that is
 * not in the pipeline with them, so that nobody could start it.
 */
export const checkStopJobs = ({ jobs }: Definition, { selected, excludes }: InPipeline, report: Report): void => {
  const byName = new Map(jobs.map((job) => [job.name, job]));
  const named = namedJobs(byName);
  const present = new Set(selected.map(({ job }) => job.name));
  for (const job of jobs) {
    const wish = stopJobOf(job);
    if (!wish) continue;
    const { value: name, at } = wish;
    const label = `Job \`${shorten(job.name)}\` is stopped by \`${shorten(name)}\``;
    const stop = named(name)?.job;
    if (!stop) {
      const hint = report.full ? undefined : didYouMean(name, byName.keys());
      report.error('on-stop-missing-job', at, `${label}, but the file has no such job.`, hint);
      continue;
    }
    const why = unfitness(job, stop);
    if (why !== undefined) report.error('on-stop-unfit-job', at, `${label}, which ${why}.`);
    else if (present.has(job.name) && !present.has(stop.name))
      report.warn('on-stop-excluded', at, `${label}, which is not part of the pipeline for ${excludes}.`);
  }
};

const stopJobOf = ({ keywords }: JobDefinition): Located<string> | undefined => {
  const environment = keywords.get('environment')?.value;
  const written = environment && entryOf(environment, 'on_stop')?.value;
  return written?.kind === 'scalar' && !isNothing(written) ? { value: written.text, at: written.at } : undefined;
};

/** Why a job cannot stop the environment of another; nothing when it can, or when its own could not be read. */
const unfitness = ({ settings }: JobDefinition, stop: JobDefinition): string | undefined => {
  const [own, other] = [settings.environment, stop.settings.environment];
  if (!own) return undefined;
  if (!other) return stop.keywords.has('environment') ? undefined : 'has no `environment`';
  if (other.name !== own.name) return `has the environment \`${shorten(other.name)}\`, not \`${shorten(own.name)}\``;
  return other.action === 'stop' ? undefined : 'has no `action: stop` in its `environment`';
};
