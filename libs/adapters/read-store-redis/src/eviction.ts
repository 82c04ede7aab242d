import { PermanentError } from '@foldline/kernel';
import type { RedisConnection } from '@foldline/redis';

/**
 * Throws `PermanentError` when the server throws keys away to stay within its memory: documents would go and the position
 * stay, which nothing could notice. Policies that only take keys with a time to live are harmless, for there are none.
 */
export const requireNoEviction = async (redis: RedisConnection): Promise<void> => {
  const info = String(await redis.call('ask Redis for its memory', 'INFO', 'memory'));
  const field = (name: string): string => new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim() ?? '';
  if (field('maxmemory_policy').startsWith('allkeys') && field('maxmemory') !== '0')
    throw new PermanentError(
      `Redis has maxmemory-policy ${field('maxmemory_policy')}: read models need noeviction (or a volatile policy)`,
    );
};
