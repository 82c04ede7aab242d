import type { PlannedJob } from '@foldline/contracts';
import type { Definition, JobDefinition } from './definition.ts';
import { limits } from './limits.ts';
import { shorten, type Position } from './node.ts';
import type { Report } from './report.ts';
import type { Trigger } from './select-jobs.ts';

/** A pipeline may start so many others, and only so deep: who starts itself would never come to an end. */
export const checkDownstream = (
  jobs: readonly PlannedJob[],
  { jobs: definitions }: Definition,
  { upstream }: Pick<Trigger, 'upstream'>,
  report: Report,
): void => {
  const byName = new Map(definitions.map((job) => [job.name, job]));
  const starting = jobs.filter(({ trigger }) => trigger);
  const placeOf = ({ definition }: PlannedJob): Position => placeOfTrigger(byName.get(definition)!);
  if ((upstream?.depth ?? 0) >= limits.downstreamDepth) {
    for (const job of starting) {
      const message = `Job \`${shorten(job.definition)}\` starts a pipeline, and there are ${limits.downstreamDepth} above this one.`;
      report.error('downstream-too-deep', placeOf(job), message);
    }
    return;
  }
  const budget = upstream?.budget ?? limits.downstream;
  const beyond = starting[budget];
  if (!beyond) return;
  const message = `${starting.length} jobs start pipelines, copies counted; below this one there may be ${budget}.`;
  report.error('too-many-downstream', placeOf(beyond), message);
};

export const placeOfTrigger = ({ keywords, at }: JobDefinition): Position => keywords.get('trigger')?.at ?? at;
