import type { Definition, JobDefinition } from '../definition.ts';
import { artifactJobs } from '../needs.ts';
import { isNothing, shorten, type Node } from '../node.ts';
import type { Located } from '../read.ts';
import type { Report } from '../report.ts';

/** Reports artifacts that keep nothing, and jobs that wish for the artifacts of one that keeps none. */
export const checkArtifacts = ({ jobs }: Definition, report: Report): void => {
  const byName = new Map(jobs.map((job) => [job.name, job]));
  for (const job of jobs) {
    checkKept(job, report);
    for (const { value: name, at } of wishesOf(job)) {
      const other = byName.get(name);
      if (!other || keepsAny(other)) continue;
      const message = `Job \`${shorten(job.name)}\` takes the artifacts of \`${shorten(name)}\`, which keeps none for later jobs.`;
      report.warn('dependency-without-artifacts', at, message);
    }
  }
};

/** Not known where its artifacts could not be read, or are of a kind that is refused. */
const keepsAny = ({ settings, keywords }: JobDefinition): boolean => {
  const written = keywords.get('artifacts')?.value;
  const [paths, untracked] =
    written?.kind === 'map' ? [written.entries.has('paths'), written.entries.has('untracked')] : [];
  return (
    paths ||
    untracked ||
    (settings.artifacts?.paths.length ?? 0) > 0 ||
    settings.artifacts?.dotenv !== undefined ||
    keywords.has('extends')
  );
};

/** Names that are written for the artifacts: of `dependencies`, of `needs` with `artifacts: true`, and of a `trigger`. */
const wishesOf = (job: JobDefinition): Located<string>[] => {
  const needs = job.keywords.get('needs')?.value;
  const items = needs?.kind === 'list' ? needs.items : [];
  return [...(job.settings.dependencies ?? []), ...items.flatMap(wishOf), ...artifactJobs(job)];
};

const wishOf = (node: Node): Located<string>[] => {
  // Of another pipeline it is not known here what it keeps.
  if (node.kind !== 'map' || node.entries.has('pipeline') || node.entries.has('project')) return [];
  const [job, artifacts] = [node.entries.get('job')?.value, node.entries.get('artifacts')?.value];
  const isWished = artifacts?.kind === 'scalar' && artifacts.text === 'true';
  return isWished && job?.kind === 'scalar' ? [{ value: job.text, at: job.at }] : [];
};

const KEEPING = ['paths', 'reports', 'untracked'];

const checkKept = ({ name, keywords }: JobDefinition, report: Report): void => {
  const artifacts = keywords.get('artifacts');
  if (artifacts?.value.kind !== 'map' || artifacts.value.entries.size === 0) return;
  const { entries } = artifacts.value;
  if (KEEPING.some((key) => entries.has(key) && !isNothing(entries.get(key)!.value))) return;
  const message = `Job \`${shorten(name)}\`: artifacts has neither \`paths\` nor \`reports\`, so nothing is kept.`;
  report.warn('empty-artifacts', artifacts.at, message);
};
