import type { RunnerOffer, RunnerRequirements } from '@foldline/contracts';
import { hasExecutor, hasRoom, isInCluster, lacking, mayRun, type RunnerState } from './match-runner.ts';
import type { QueueRules } from './ports/ports.ts';

export type Mismatch = {
  code: 'no_runner' | 'no_permission' | 'no_cluster' | 'no_docker' | 'no_tags' | 'too_large';
  detail: string;
};

const NO_PERMISSION = 'the project’s owner has no access to high-power clusters';
const IDLE = { slots: 0, cpu: 0, memoryBytes: 0, diskBytes: 0 };

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
    return { code: 'no_permission', detail: NO_PERMISSION };
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
  if (permitted.some((runner) => hasRoom(requirements, { ...runner, used: IDLE }))) return undefined;
  return {
    code: 'too_large',
    detail: `no runner offers ${describe(requirements)}; the largest offers ${largest(permitted)}`,
  };
};

/** What one runner lacks for such a job, were it idle; nothing when it could take it. */
export const explainRunner = (
  requirements: RunnerRequirements,
  highPowerAllowed: boolean,
  offer: RunnerOffer,
): Mismatch | undefined => {
  const { power } = offer.cluster;
  if (power === 'high-power' && !highPowerAllowed) return { code: 'no_permission', detail: NO_PERMISSION };
  if (!isInCluster(requirements, highPowerAllowed, { offer }))
    return { code: 'no_cluster', detail: `it belongs to a ${power} cluster` };
  if (!hasExecutor(requirements, offer)) return { code: 'no_docker', detail: 'no Docker daemon answers there' };
  const tags = lacking(requirements, [offer]);
  if (tags.length > 0) return { code: 'no_tags', detail: `it lacks the tags ${tags.join(', ')}` };
  if (hasRoom(requirements, { id: '', offer, used: IDLE })) return undefined;
  return { code: 'too_large', detail: `it offers ${describe(offer)}` };
};

/** What of a runner is taken that such a job needs now; nothing when it has room. */
export const explainBusy = (requirements: RunnerRequirements, runner: RunnerState): string | undefined => {
  if (hasRoom(requirements, runner)) return undefined;
  const { offer, used } = runner;
  if (used.slots >= offer.slots) return `${used.slots} of ${offer.slots} slots are taken`;
  return `${describe(used)} of ${describe(offer)} are taken`;
};

/** Why a job waits whose project has so many jobs on runners; nothing when it may have more. */
export const explainLimit = (running: number, { projectLimit }: QueueRules): ProjectLimit | undefined =>
  running < projectLimit
    ? undefined
    : {
        code: 'project_limit',
        detail: `its project has ${running} of ${projectLimit} jobs on runners (\`FOLDLINE_PROJECT_JOBS\`)`,
      };
export type ProjectLimit = { code: 'project_limit'; detail: string };

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
