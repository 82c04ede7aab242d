import { expandVariables, isImageName, serviceOf, type JobAssigned, type PlannedService } from '@foldline/contracts';
import { Refusal, type ContainerSpec, type ServiceSpec } from '@foldline/kernel';
import type { Surroundings } from './predefined.ts';

type Assignment = ReturnType<typeof JobAssigned>['data'];

/** Where a job finds what is its own. */
export type Places = Pick<Surroundings, 'workspace' | 'buildsDirectory' | 'filesDirectory'>;

const BUILDS = '/builds';

/** In a container the workspace is where GitLab's runner has it, and so are the files of variables, beside it. */
export const placesInContainer = ({ context }: Assignment): Places => {
  const workspace = `${BUILDS}/${context.project.owner}/${context.project.name}`;
  return { workspace, buildsDirectory: BUILDS, filesDirectory: `${workspace}.tmp` };
};

type Values = Readonly<Record<string, string>>;

/** `files` is where the files of variables are on the host, if there are any; images may be named by variables. */
export const containerOf = (assignment: Assignment, variables: Values, files: string | undefined): ContainerSpec => {
  const { workspace, filesDirectory } = placesInContainer(assignment);
  const mounts = files === undefined ? [] : [{ from: files, at: filesDirectory }];
  const { image = '', imageOptions, services, runner } = assignment.job;
  const { cpu, memoryBytes, diskBytes } = runner;
  const credentials = variables['DOCKER_AUTH_CONFIG'];
  return {
    ...imageOptions,
    image: imageNamed(image, variables),
    workspaceAt: workspace,
    mounts,
    ...(cpu !== undefined && { cpus: cpu }),
    ...(memoryBytes !== undefined && { memoryBytes }),
    ...(diskBytes !== undefined && { diskBytes }),
    ...(services.length > 0 && { services: services.map((each) => serviceSpec(serviceOf(each), variables)) }),
    ...(variables['CI_DEBUG_SERVICES'] === 'true' && { tellsOfServices: true }),
    ...(credentials !== undefined && { credentials }),
  };
};

/** What a variable holds may be a secret, so the name is shown as it is written. */
const imageNamed = (written: string, variables: Values): string => {
  const name = expandVariables(written, variables);
  if (isImageName(name)) return name;
  throw new Refusal('image_invalid', `\`${written}\` is no name of an image once its variables have their values`);
};

/** A service has the variables of the job, and its own. */
const serviceSpec = (planned: PlannedService, variables: Values): ServiceSpec => {
  const { image, aliases = [], variables: own = {}, rawVariables = [], ...options } = planned;
  const valueOf = ([name, value]: [string, string]): [string, string] => [
    name,
    rawVariables.includes(name) ? value : expandVariables(value, variables),
  ];
  return {
    ...options,
    image: imageNamed(image, variables),
    aliases: aliases.map((alias) => expandVariables(alias, variables)),
    environment: { ...variables, ...Object.fromEntries(Object.entries(own).map(valueOf)) },
  };
};
