import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { TransientError } from '@foldline/kernel';
import { statusOf } from './docker-error.ts';

const GONE = 404;
const UNDER_WAY = 409;
const GOING_MS = 10_000;
const POLL_MS = 20;

/** Resolves when the container is not there any more, whoever has removed it. */
export const removed = async (container: Docker.Container): Promise<void> => {
  const deadline = performance.now() + GOING_MS;
  for (;;) {
    const status = await container.remove({ force: true, v: true }).then(
      () => GONE,
      (error: unknown) => {
        const status = statusOf(error);
        if (status === GONE || status === UNDER_WAY) return status;
        throw error;
      },
    );
    if (status === GONE) return;
    if (performance.now() > deadline) throw new TransientError('a container of a job is not gone after it was removed');
    await delay(POLL_MS);
  }
};

export const removedNetwork = async (network: Docker.Network): Promise<void> => {
  await network.remove().catch((error: unknown) => {
    if (statusOf(error) !== GONE) throw error;
  });
};
