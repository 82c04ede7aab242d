import { PermanentError, type Claims, type Clock, type Logger } from '@foldline/kernel';
import type { RedisConnection } from '@foldline/redis';
import { Contention } from './contention.ts';

export type RedisClaimsOptions = {
  /** Shared with others; whoever opened it closes it. */
  redis: RedisConnection;
  clock: Clock;
  logger: Logger;
};

const [SHORTEST_TTL_MS, LONGEST_TTL_MS, LONGEST_NAME] = [100, 600_000, 200];

/**
 * Claims kept in Redis: a key with a random token and a time to live, renewed every third of it.
 *
 * - A holder gives up by itself when it could not renew for `ttlMs`, so as a rule before another can have the claim.
 * - While Redis does not answer nobody comes to hold anything for 2 × `ttlMs`. After that **everybody holds**, until Redis
 *   answers again: work goes on without it, only not as thriftily. What is done under a claim is safe when done twice.
 * - When Redis loses its memory, whoever asks first holds; the holder so far notices at its next renewal.
 */
export const redisClaims = ({ redis, clock, logger }: RedisClaimsOptions): Claims => ({
  contend: async ({ name, ttlMs, onChange, signal }) => {
    if (!Number.isInteger(ttlMs) || ttlMs < SHORTEST_TTL_MS || ttlMs > LONGEST_TTL_MS)
      throw new PermanentError(`the ttlMs of claim ${name} is not between ${SHORTEST_TTL_MS} and ${LONGEST_TTL_MS}`);
    if (name === '' || name.length > LONGEST_NAME) throw new PermanentError('a claim has no name, or one too long');
    if (signal.aborted) return;
    await new Contention({ redis, clock, logger, name, ttlMs, onChange, signal }).run();
  },
});
