import { setTimeout as sleep } from 'node:timers/promises';
import { AccessDenied, TransientError } from '@foldline/kernel';

const PAUSES_MS = [50, 250];

/** Bridges the blink of a restart or of a connection that the server had closed; longer trouble is the caller's. */
export const withRetries = async <T>(attempt: () => Promise<T>): Promise<T> => {
  for (const pause of PAUSES_MS) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof TransientError) || error instanceof AccessDenied) throw error;
      await sleep(pause * (0.5 + Math.random()), undefined, { ref: true });
    }
  }
  return attempt();
};
