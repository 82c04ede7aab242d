import type { RunnerRequirements } from '@foldline/contracts';
import { hasExecutor, hasRoom, isInCluster, lacking, mayRun, type RunnerState } from './match-runner.ts';

export type Mismatch = {
  code: 'no_runner' | 'no_permission' | 'no_cluster' | 'no_docker' | 'no_tags' | 'too_large';
  detail: string;
};

const NO_DOCKER =
  'the job asks for a container, and of no connected runner that it may use does a Docker daemon answer (`FOLDLINE_DOCKER_HOST`)';

/** Why no runner could ever take such a job, even if all were idle; nothing when waiting is enough. */
export const explainMismatch = (
  requirements: RunnerRequirements,
  highPowerAllowed: boolean,
  runners: readonly RunnerState[],
): Mismatch | undefined => {
  if (runners.length === 0) return { code: 'no_runner', detail: 'no runner is connected' };
  if (requirements.cluster === 'high-power' && !highPowerAllowed) {
    return { code: 'no_permission', detail: 'the project’s owner has no access to high-power clusters' };
  }
  const ofCluster = runners.filter((runner) => isInCluster(requirements, highPowerAllowed, runner));
  if (ofCluster.length === 0) {
    return {
      code: 'no_cluster',
      detail: `no connected runner belongs to a ${requirements.cluster ?? 'low-power'} cluster`,
    };
  }
  const withExecutor = ofCluster.filter(({ offer }) => hasExecutor(requirements, offer));
  if (withExecutor.length === 0) return { code: 'no_docker', detail: NO_DOCKER };
  const permitted = withExecutor.filter((runner) => mayRun(requirements, highPowerAllowed, runner));
  if (permitted.length === 0) return { code: 'no_tags', detail: tagsInWords(requirements, withExecutor) };
  const idle = { slots: 0, cpu: 0, memoryBytes: 0, diskBytes: 0 };
  if (permitted.some((runner) => hasRoom(requirements, { ...runner, used: idle }))) return undefined;
  return {
    code: 'too_large',
    detail: `no runner offers ${describe(requirements)}; the largest offers ${largest(permitted)}`,
  };
};

const tagsInWords = (requirements: RunnerRequirements, runners: readonly RunnerState[]): string => {
  const wanted = requirements.tags!.join(', ');
  const nowhere = lacking(
    requirements,
    runners.map(({ offer }) => offer),
  );
  return nowhere.length > 0
    ? `no connected runner has the tags ${wanted}; none has ${nowhere.join(', ')}`
    : `no connected runner has all of the tags ${wanted}, though each of them is somewhere`;
};

const GIB = 1024 ** 3;
const gib = (bytes: number): string => `${Math.round((bytes / GIB) * 10) / 10} GiB`;

const describe = ({
  cpu,
  memoryBytes,
  diskBytes,
}: Pick<RunnerRequirements, 'cpu' | 'memoryBytes' | 'diskBytes'>): string =>
  [cpu && `${cpu} cpu`, memoryBytes && `${gib(memoryBytes)} memory`, diskBytes && `${gib(diskBytes)} disk`]
    .filter(Boolean)
    .join(', ');

const largest = (runners: readonly RunnerState[]): string => {
  const offer = runners
    .map(({ offer }) => offer)
    .toSorted((a, b) => b.cpu - a.cpu || b.memoryBytes - a.memoryBytes)[0]!;
  return describe(offer);
};
