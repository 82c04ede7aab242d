import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { statusOf } from '@foldline/docker';

const GONE = 404;
/** Somebody else is removing it, or its processes end at this very moment, which the daemon takes for an error. */
const PASSING = new Set([409, 500]);
const GOING_MS = 10_000;
const POLL_MS = 20;

/** Resolves when the container is not there any more, whoever has removed it. */
export const removed = async (container: Docker.Container): Promise<void> => {
  const deadline = performance.now() + GOING_MS;
  for (;;) {
    try {
      return await container.remove({ force: true, v: true });
    } catch (error) {
      const status = statusOf(error) ?? 0;
      if (status === GONE) return;
      if (!PASSING.has(status) || performance.now() > deadline) throw error;
    }
    await delay(POLL_MS);
  }
};

export const removedNetwork = async (network: Docker.Network): Promise<void> => {
  await network.remove().catch((error: unknown) => {
    if (statusOf(error) !== GONE) throw error;
  });
};
