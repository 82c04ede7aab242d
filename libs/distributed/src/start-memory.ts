import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock } from '@foldline/kernel';

/** By then connections are made and whoever waited for the service has been served. */
const REST_MS = 10_000;

/**
 * Gives back what a start has left behind. V8 collects when it needs room, and a service at rest needs none: it would
 * hold tens of MiB of garbage for as long as nothing happens. One collection takes some 50 ms, once.
 */
export const giveBackStartMemory = async (clock: Clock, signal: AbortSignal): Promise<void> => {
  await clock.sleep(REST_MS, signal);
  if (signal.aborted) return;
  // The function is there only where the flag is, and the flag takes effect for contexts that are made afterwards.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  setFlagsFromString('--no-expose-gc');
  collect();
};
