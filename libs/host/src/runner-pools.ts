import { z } from 'zod';
import type { ClusterPower, RunnerOffer } from '@foldline/contracts';
import { tagsIn } from './runner-tags.ts';
import { bytesIn } from './setting-values.ts';

/**
 * Runners that are alike and whose number somebody changes. Those of the pool `big` are called `big-0`, `big-1` and so
 * on, as Kubernetes names the pods of a StatefulSet, and each of them offers this.
 */
export type RunnerPool = { id: string; offer: RunnerOffer };

const MOST = 100;
const AMOUNT = String.raw`(\d{1,6}(?:\.\d{1,6})?)`;
const POOL = new RegExp(
  String.raw`^([a-z0-9][a-z0-9-]{0,56}):(high-power|low-power):([1-9]\d{0,3}):${AMOUNT}:${AMOUNT}:${AMOUNT}(?::([^:]*))?(?::(docker))?$`,
);

const poolOf = (text: string): RunnerPool | undefined => {
  const match = POOL.exec(text.trim());
  if (!match) return undefined;
  const [slots = 0, cpu = 0, memoryGb = 0, diskGb = 0] = match.slice(3, 7).map(Number);
  const [listed, docker] = match.slice(7);
  const isWithoutTags = listed === undefined || (listed === '' && docker !== undefined);
  const tags = isWithoutTags ? [] : tagsIn(listed, '+');
  if (cpu === 0 || memoryGb === 0 || diskGb === 0 || !tags) return undefined;
  const cluster = { id: match[1]!, power: match[2] as ClusterPower };
  const room = { cpu, memoryBytes: bytesIn(memoryGb), diskBytes: bytesIn(diskGb), slots };
  const executors = docker === undefined ? ['process'] : ['process', docker];
  const offer = { cluster, ...room, executors, ...(tags.length > 0 ? { tags } : {}) };
  return { id: match[1]!, offer };
};

/**
 * `FOLDLINE_RUNNER_POOLS`: a list of `<pool>:<power>:<slots>:<cpu>:<memory GB>:<disk GB>`,
 * each with `:<tag>+<tag>` where it has tags, and with `:docker` behind those, or behind an empty place for them, where
 * its runners have a Docker daemon.
 */
export const runnerPools = z.string().transform((text, context): RunnerPool[] => {
  const pools = text.split(',').map(poolOf);
  const known = pools.filter((pool) => pool !== undefined);
  if (known.length < pools.length)
    context.addIssue(
      'must be a list of <pool>:<high-power|low-power>:<slots>:<cpu>:<memory GB>:<disk GB>[:<tag>+<tag>][:docker], for example "big:high-power:8:16:64:200:linux+gpu"',
    );
  else if (known.length > MOST) context.addIssue(`must be at most ${MOST} pools`);
  else if (new Set(known.map(({ id }) => id)).size < known.length) context.addIssue('must name each pool once');
  return known;
});
