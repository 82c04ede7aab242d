import {
  beginning,
  filledIn,
  openLayers,
  predefinedLayer,
  variableFinder,
  type VariableLayers,
} from '@foldline/contracts';
import { environmentSlug, tierOf } from './environment-names.ts';

type Described = Parameters<typeof openLayers>[0];
type Environment = {
  name: string;
  url?: string;
  /** What the job is told of it, but for its address. */
  variables: Readonly<Record<string, string>>;
};

const NAME_LENGTH = 255;

/**
 * The environment of a job with its variables filled in, or nothing for a job without. Name and address are shown in
 * clear; the address may tell what is known of the name. `more` is what became known later, such as variables that the
 * job itself hands on.
 */
export const environmentOfJob = (assignment: Described, more: VariableLayers = {}): Environment | undefined => {
  const { environment } = assignment.job;
  if (!environment) return undefined;
  const layers = { ...openLayers(assignment), ...more };
  // A name that is made of unknown variables alone would be empty; it then stands as it was written.
  const filled = filledIn(environment.name, variableFinder(layers))?.trim() || environment.name;
  const name = beginning(filled, NAME_LENGTH);
  const { action = 'start', tier = tierOf(name) } = environment;
  const variables = {
    CI_ENVIRONMENT_NAME: name,
    CI_ENVIRONMENT_SLUG: environmentSlug(name),
    CI_ENVIRONMENT_ACTION: action,
    CI_ENVIRONMENT_TIER: tier,
  };
  const predefined = predefinedLayer({ ...layers.predefined?.values, ...variables });
  const url =
    environment.url === undefined ? undefined : filledIn(environment.url, variableFinder({ ...layers, predefined }));
  return { name, ...(url ? { url } : {}), variables };
};
