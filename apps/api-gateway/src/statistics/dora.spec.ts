import { describe, expect, it } from '@jest/globals';
import { NO_DURATIONS, withDuration, type DeploymentTally } from '@foldline/contracts';
import { delivery } from './dora.ts';

const HOUR_MS = 3_600_000;
const week = { range: 'week', from: '2030-01-01T00:00:00.000Z', to: '2030-01-08T00:00:00.000Z' } as const;
const durations = (...ms: number[]) => ms.reduce(withDuration, NO_DURATIONS);
const tally = (name: string, more: Partial<DeploymentTally> = {}): DeploymentTally => ({
  name,
  isService: false,
  success: 0,
  failed: 0,
  rolledBack: 0,
  lead: NO_DURATIONS,
  restored: NO_DURATIONS,
  ...more,
});
const met = (items: DeploymentTally[], successRate: number | null = null) =>
  Object.fromEntries(delivery({ items }, week, successRate).targets.map(({ name, met: is }) => [name, is]));

describe('the four keys', () => {
  const production = tally('production', {
    success: 13,
    failed: 2,
    lead: durations(HOUR_MS, HOUR_MS, 9 * HOUR_MS),
    restored: durations(HOUR_MS / 2),
  });
  const shop = tally('shop', { isService: true, success: 1, rolledBack: 1 });
  const keys = delivery({ items: [production, shop, tally('staging', { success: 90, failed: 9 })] }, week, 99);

  it('are of production: of environments whose name says so, and of services', () => {
    expect(keys.deploymentFrequency).toEqual({ deployments: 14, perDay: 2 });
    expect(keys.changeFailureRate).toEqual({ failed: 2, rolledBack: 1, percent: 18.8 });
    expect(keys.leadTime).toMatchObject({ count: 3, maxMs: 9 * HOUR_MS });
    expect(keys.timeToRestore).toMatchObject({ count: 1, averageMs: HOUR_MS / 2 });
  });

  it('are told of every environment, too', () =>
    expect(keys.environments).toMatchObject([
      { name: 'production', kind: 'environment', production: true },
      { name: 'shop', kind: 'service', production: true },
      { name: 'staging', production: false, deploymentFrequency: { deployments: 90 } },
    ]));

  it('never say that more failed than there was', () =>
    expect(delivery({ items: [tally('live', { success: 1, rolledBack: 4 })] }, week, null).changeFailureRate).toEqual({
      failed: 0,
      rolledBack: 4,
      percent: 100,
    }));
});

describe('the targets (S4-41)', () => {
  it('are met by who deploys daily, within two hours, and mends it within one', () =>
    expect(
      met([tally('production', { success: 7, lead: durations(HOUR_MS), restored: durations(1000) })], 95.1),
    ).toEqual({ deploymentsPerDay: true, leadTimeMs: true, timeToRestoreMs: true, successRate: true }));

  it('are missed by who does not', () =>
    expect(
      met([tally('production', { success: 6, lead: durations(3 * HOUR_MS), restored: durations(2 * HOUR_MS) })], 95),
    ).toEqual({ deploymentsPerDay: false, leadTimeMs: false, timeToRestoreMs: false, successRate: false }));

  it('are neither where nothing was deployed', () =>
    expect(met([tally('staging', { success: 9 })])).toEqual({
      deploymentsPerDay: null,
      leadTimeMs: null,
      timeToRestoreMs: null,
      successRate: null,
    }));
});
