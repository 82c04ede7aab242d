import type { RunnerOffer } from '@foldline/contracts';
import { jobsPerRunner } from '@foldline/kernel';
import type { Dispatcher } from './dispatcher.ts';

/** Runners that are alike, called `<id>-<number>`, whose number somebody changes. */
type Pool = { id: string; offer: RunnerOffer };
type Demand = Pick<Dispatcher, 'demand' | 'assignments'>;

const NUMBER = /-\d+$/;

/** Waiting jobs by the cluster that they ask for, `any` where they name none. */
export const waitingJobs = ({ demand }: Demand): Map<string, number> => {
  const waiting = new Map([
    ['any', 0],
    ['high-power', 0],
    ['low-power', 0],
  ]);
  for (const { requirements, waiting: jobs } of demand) {
    const cluster = requirements.cluster ?? 'any';
    waiting.set(cluster, waiting.get(cluster)! + jobs);
  }
  return waiting;
};

/**
 * How many runners each pool needs, by its id: for the jobs that its runners have, and for the waiting ones that they
 * could take. A job of which two fit a runner counts half. One that several pools could take counts for each of them:
 * which of them may grow is not known here.
 */
export const runnersNeeded = ({ demand, assignments }: Demand, pools: readonly Pool[]): Map<string, number> => {
  const needed = new Map(pools.map(({ id }) => [id, 0]));
  const byId = new Map(pools.map((pool) => [pool.id, pool]));
  const add = ({ id }: Pool, runners: number): void => void needed.set(id, needed.get(id)! + runners);
  for (const pool of pools) {
    for (const { requirements, highPowerAllowed, waiting } of demand) {
      const fitting = jobsPerRunner(requirements, highPowerAllowed, pool.offer);
      if (fitting > 0) add(pool, waiting / fitting);
    }
  }
  for (const { job, runnerId } of assignments) {
    const pool = byId.get(runnerId.replace(NUMBER, ''));
    // A runner that was started with another offer may have what would not fit one of today.
    if (pool && NUMBER.test(runnerId)) add(pool, 1 / Math.max(1, jobsPerRunner(job.requirements, true, pool.offer)));
  }
  // Sums of thirds are no whole numbers, and the number of runners is rounded up.
  for (const [id, runners] of needed) needed.set(id, Math.round(runners * 1000) / 1000);
  return needed;
};
