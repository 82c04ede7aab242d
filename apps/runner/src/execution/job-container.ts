import { expandVariables, type JobAssigned } from '@foldline/contracts';
import type { ContainerSpec } from '@foldline/kernel';
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

/** `files` is where the files of variables are on the host, if there are any; the image may be named by variables. */
export const containerOf = (
  assignment: Assignment,
  variables: Readonly<Record<string, string>>,
  files: string | undefined,
): ContainerSpec => {
  const { workspace, filesDirectory } = placesInContainer(assignment);
  const mounts = files === undefined ? [] : [{ from: files, at: filesDirectory }];
  const { cpu, memoryBytes } = assignment.job.runner;
  return {
    image: expandVariables(assignment.job.image!, variables),
    workspaceAt: workspace,
    mounts,
    ...(cpu !== undefined && { cpus: cpu }),
    ...(memoryBytes !== undefined && { memoryBytes }),
  };
};
