import { addDurations, NO_DURATIONS, type DeploymentTally, type Durations, type Named } from '@foldline/contracts';
import { tierOf } from '@foldline/kernel';
import { percent, spreadOf } from './figures.ts';
import type { CountedRange } from './statistics.queries.ts';

const DAY_MS = 24 * 60 * 60_000;
const HOUR_MS = 60 * 60_000;

/** S4-41: to be reported, not to alert about (C23). */
const TARGETS = { deploymentsPerDay: 1, leadTimeMs: 2 * HOUR_MS, timeToRestoreMs: HOUR_MS, successRate: 95 } as const;

/** What people use: environments whose name says so, and services. */
const isProduction = ({ name, isService }: DeploymentTally): boolean => isService || tierOf(name) === 'production';

const sum = (tallies: readonly DeploymentTally[], of: (tally: DeploymentTally) => Durations): Durations =>
  tallies.map(of).reduce(addDurations, NO_DURATIONS);

const keys = (tallies: readonly DeploymentTally[], days: number) => {
  const count = (of: 'success' | 'failed' | 'rolledBack'): number =>
    tallies.reduce((total, tally) => total + tally[of], 0);
  const [success, failed, rolledBack] = [count('success'), count('failed'), count('rolledBack')];
  return {
    deploymentFrequency: { deployments: success, perDay: Math.round((success / days) * 100) / 100 },
    leadTime: spreadOf(sum(tallies, ({ lead }) => lead)),
    changeFailureRate: {
      failed,
      rolledBack,
      percent: percent(Math.min(failed + rolledBack, success + failed), success + failed),
    },
    timeToRestore: spreadOf(sum(tallies, ({ restored }) => restored)),
  };
};

type Target = { name: string; target: number; value: number | null; met: boolean | null };
const target = (name: keyof typeof TARGETS, value: number | null, isMet: (value: number) => boolean): Target => ({
  name,
  target: TARGETS[name],
  value,
  met: value === null ? null : isMet(value),
});

/**
 * The four keys of DORA in production, and of each environment, and how they stand to the targets. Of the lead time and
 * the time to restore the median counts.
 */
export const delivery = (
  { items, rest }: Named<DeploymentTally>,
  { from, to }: CountedRange,
  pipelineSuccess: number | null,
) => {
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS;
  const all = rest ? [...items, rest] : items;
  const production = keys(items.filter(isProduction), days);
  const { deploymentFrequency, leadTime, timeToRestore } = production;
  const { deployments, perDay } = deploymentFrequency;
  return {
    ...production,
    targets: [
      target('deploymentsPerDay', deployments === 0 ? null : perDay, (value) => value >= TARGETS.deploymentsPerDay),
      target('leadTimeMs', leadTime.p50Ms, (value) => value < TARGETS.leadTimeMs),
      target('timeToRestoreMs', timeToRestore.p50Ms, (value) => value < TARGETS.timeToRestoreMs),
      target('successRate', pipelineSuccess, (value) => value > TARGETS.successRate),
    ],
    environments: all.map((tally) => ({
      name: tally === rest ? null : tally.name,
      kind: tally.isService ? 'service' : 'environment',
      production: tally !== rest && isProduction(tally),
      ...keys([tally], days),
    })),
  };
};
