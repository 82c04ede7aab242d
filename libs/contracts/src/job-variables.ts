import type { JobAssigned } from './events/pipeline.events.ts';
import { jobFactVariables, pipelineFactVariables, predefinedLayer } from './predefined-variables.ts';
import { filledIn, layerOf, variableFinder, type VariableLayers } from './variable-sources.ts';

type Assignment = ReturnType<typeof JobAssigned>['data'];
type Described = Pick<Assignment, 'context' | 'job' | 'pipelineVariables' | 'rawPipelineVariables'>;

const NAME_LENGTH = 255;

/** What of the pipeline's variables a job takes over (`inherit: variables`). */
const takenOver = ({ pipelineVariables: values, job }: Described): Described['pipelineVariables'] => {
  if (!job.inheritedVariables) return values;
  const names = new Set(job.inheritedVariables);
  return Object.fromEntries(Object.entries(values).filter(([name]) => names.has(name)));
};

/** What of a job's variables may be seen by everybody: neither those of the project nor secrets. */
export const openLayers = (described: Described): VariableLayers & Required<Pick<VariableLayers, 'predefined'>> => {
  const { context, job, rawPipelineVariables } = described;
  return {
    predefined: predefinedLayer({ ...pipelineFactVariables(context), ...jobFactVariables(job) }),
    file: layerOf(takenOver(described), rawPipelineVariables),
    job: layerOf(job.variables, job.rawVariables),
    request: { values: context.variables },
  };
};

/**
 * The environment of a job with its variables filled in, or nothing for a job without. Name and address are shown in
 * clear. `more` is what became known later, such as variables that the job itself hands on.
 */
export const environmentOfJob = (
  assignment: Described,
  more: VariableLayers = {},
): { name: string; url?: string } | undefined => {
  const { environment } = assignment.job;
  if (!environment) return undefined;
  const find = variableFinder({ ...openLayers(assignment), ...more });
  // A name that is made of unknown variables alone would be empty; it then stands as it was written.
  const name = filledIn(environment.name, find)?.trim() || environment.name;
  const url = environment.url === undefined ? undefined : filledIn(environment.url, find);
  return { name: name.slice(0, NAME_LENGTH), ...(url ? { url } : {}) };
};
