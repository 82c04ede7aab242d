import type { JobAssigned } from './events/pipeline.events.ts';
import { jobFactVariables, pipelineFactVariables, predefinedLayer } from './predefined-variables.ts';
import { layerOf, type VariableLayers } from './variable-sources.ts';

type Assignment = ReturnType<typeof JobAssigned>['data'];
type Described = Pick<Assignment, 'context' | 'job' | 'pipelineVariables' | 'rawPipelineVariables'>;

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
