import type { RunnerOffer, RunnerRequirements } from '@foldline/contracts';

export type Load = { slots: number; cpu: number; memoryBytes: number; diskBytes: number };
export type RunnerState = { id: string; epoch?: string | undefined; offer: RunnerOffer; used: Load };

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

/** Whether the jobs of a project, `owner/name`, may use high power (S0-65). */
export const mayUseHighPower = (owners: readonly string[], project: string): boolean =>
  owners.includes('*') || owners.includes(project.split('/')[0]!);

/** Whether the runner could ever take such a job, its size aside. */
export const mayRun = (
  requirements: RunnerRequirements,
  highPowerAllowed: boolean,
  { offer }: Pick<RunnerState, 'offer'>,
): boolean =>
  isInCluster(requirements, highPowerAllowed, { offer }) &&
  hasExecutor(requirements, offer) &&
  lacking(requirements, [offer]).length === 0;

/** Whether the job may use the runner's power level, and does not ask for another one. */
export const isInCluster = (
  requirements: RunnerRequirements,
  highPowerAllowed: boolean,
  { offer }: Pick<RunnerState, 'offer'>,
): boolean =>
  (!requirements.cluster || requirements.cluster === offer.cluster.power) &&
  (highPowerAllowed || offer.cluster.power !== 'high-power');

export const hasExecutor = ({ executor }: RunnerRequirements, { executors }: RunnerOffer): boolean =>
  executor === undefined || executors.includes(executor);

/** The tags that a job asks for and none of these runners has. */
export const lacking = ({ tags = [] }: RunnerRequirements, offers: readonly Pick<RunnerOffer, 'tags'>[]): string[] =>
  tags.filter((tag) => !offers.some((offer) => offer.tags?.includes(tag)));

/** Shares of a processor are added and taken away again and again; counted in whole thousandths nothing is left over. */
export const thousandths = (cpu: number): number => Math.round(cpu * 1000);

/** Whether what the runner has left is enough. */
export const hasRoom = (requirements: RunnerRequirements, { offer, used }: RunnerState): boolean =>
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

export const addLoad = (used: Load, requirements: RunnerRequirements, by: 1 | -1): void => {
  used.slots += by;
  used.cpu = thousandths(used.cpu + by * (requirements.cpu ?? 0)) / 1000;
  used.memoryBytes += by * (requirements.memoryBytes ?? 0);
  used.diskBytes += by * (requirements.diskBytes ?? 0);
};
