import type { RunnerOffer, RunnerRequirements } from '@foldline/contracts';

export type Load = { slots: number; cpu: number; memoryBytes: number; diskBytes: number };
export type RunnerState = { id: string; epoch?: string | undefined; offer: RunnerOffer; used: Load };

export type Mismatch = {
  code: 'no_runner' | 'no_permission' | 'no_cluster' | 'no_docker' | 'no_tags' | 'too_large';
  detail: string;
};

/**
 * Chooses a runner as S0-64 orders it: power level, resources that are free, load now, and permission for high power.
 * A job that names no power level takes the least loaded runner, a low-power one before a high-power one.
 */
export const matchRunner = (
  requirements: RunnerRequirements,
  highPowerAllowed: boolean,
  runners: readonly RunnerState[],
): RunnerState | undefined => {
  let best: RunnerState | undefined;
  for (const runner of runners) {
    if (!hasRoom(requirements, runner) || !mayRun(requirements, highPowerAllowed, runner)) continue;
    if (!best || compareRunners(runner, best) < 0) best = runner;
  }
  return best;
};

const compareRunners = (a: RunnerState, b: RunnerState): number =>
  rank(a) - rank(b) || loadOf(a) - loadOf(b) || (a.id < b.id ? -1 : 1);

const rank = ({ offer }: RunnerState): number => (offer.cluster.power === 'low-power' ? 0 : 1);
const loadOf = ({ offer, used }: RunnerState): number => used.slots / offer.slots;

const mayRun = (
  requirements: RunnerRequirements,
  highPowerAllowed: boolean,
  { offer }: Pick<RunnerState, 'offer'>,
): boolean =>
  isInCluster(requirements, highPowerAllowed, { offer }) &&
  hasExecutor(requirements, offer) &&
  lacking(requirements, [offer]).length === 0;

const isInCluster = (
  requirements: RunnerRequirements,
  highPowerAllowed: boolean,
  { offer }: Pick<RunnerState, 'offer'>,
): boolean =>
  (!requirements.cluster || requirements.cluster === offer.cluster.power) &&
  (highPowerAllowed || offer.cluster.power !== 'high-power');

const hasExecutor = ({ executor }: RunnerRequirements, { executors }: RunnerOffer): boolean =>
  executor === undefined || executors.includes(executor);

/** The tags that a job asks for and none of these runners has. */
const lacking = ({ tags = [] }: RunnerRequirements, offers: readonly Pick<RunnerOffer, 'tags'>[]): string[] =>
  tags.filter((tag) => !offers.some((offer) => offer.tags?.includes(tag)));

/** Shares of a processor are added and taken away again and again; counted in whole thousandths nothing is left over. */
const thousandths = (cpu: number): number => Math.round(cpu * 1000);

const hasRoom = (requirements: RunnerRequirements, { offer, used }: RunnerState): boolean =>
  used.slots < offer.slots &&
  thousandths(used.cpu + (requirements.cpu ?? 0)) <= thousandths(offer.cpu) &&
  used.memoryBytes + (requirements.memoryBytes ?? 0) <= offer.memoryBytes &&
  used.diskBytes + (requirements.diskBytes ?? 0) <= offer.diskBytes;

/**
 * How many such jobs a runner that offers this could carry out at once, were it idle; 0 where it could never take one.
 */
export const jobsPerRunner = (
  requirements: RunnerRequirements,
  highPowerAllowed: boolean,
  offer: RunnerOffer,
): number => {
  if (!mayRun(requirements, highPowerAllowed, { offer })) return 0;
  const { cpu = 0, memoryBytes = 0, diskBytes = 0 } = requirements;
  return Math.min(
    offer.slots,
    Math.floor(thousandths(offer.cpu) / thousandths(cpu)),
    Math.floor(offer.memoryBytes / memoryBytes),
    Math.floor(offer.diskBytes / diskBytes),
  );
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

export const addLoad = (used: Load, requirements: RunnerRequirements, by: 1 | -1): void => {
  used.slots += by;
  used.cpu = thousandths(used.cpu + by * (requirements.cpu ?? 0)) / 1000;
  used.memoryBytes += by * (requirements.memoryBytes ?? 0);
  used.diskBytes += by * (requirements.diskBytes ?? 0);
};
