import { randomBytes } from 'node:crypto';
import type { ReadStore } from '@foldline/kernel';
import { keyPart, type RedisConnection } from '@foldline/redis';
import { memberText, valueOf } from './index-text.ts';
import { copyScript } from './read.scripts.ts';
import { openRedisReadStore } from './redis-read-store.ts';

/** One line of an index: the document with this id stands under this value. */
export type Entry = { index: string; value: string; id: string };

/** Read models to look at, with the index entries that their documents stand in. */
export type RedisSnapshot = Pick<ReadStore, 'position' | 'scan' | 'close'> & {
  entries: (collection: string, after: Entry | undefined, limit: number) => Promise<Entry[]>;
};

/** What a process that dies leaves behind is gone after so many seconds. */
const KEPT_SECONDS = 3_600;
const END_OF_VALUE = '\0\0';

/**
 * The documents of a generation as they are at one moment, for comparison: a copy within the server, which stands still
 * while it is made and holds everything twice until the snapshot is closed.
 */
export const openRedisSnapshot = async (options: {
  redis: RedisConnection;
  generation: string;
}): Promise<RedisSnapshot> => {
  const { redis } = options;
  const generation = `${options.generation}-snapshot-${randomBytes(8).toString('hex')}`;
  const base = redis.key('reads', generation);
  await redis.run('copy the read models', copyScript, redis.key('reads', options.generation), base, KEPT_SECONDS);
  const copy = openRedisReadStore({ redis, generation });

  const indexesOf = async (collection: string): Promise<string[]> => {
    const keys = await redis.call('list indexes', 'SMEMBERS', `${base}:keys:${keyPart(collection)}`);
    const begin = `${base}:index:${keyPart(collection)}:`;
    return (keys as string[])
      .filter((key) => key.startsWith(begin))
      .map((key) => decodeURIComponent(key.slice(begin.length)))
      .toSorted();
  };
  const linesOf = async (collection: string, index: string, after: Entry | undefined, limit: number) => {
    const key = `${base}:index:${keyPart(collection)}:${keyPart(index)}`;
    const from = after ? `(${memberText(after.value)}${END_OF_VALUE}${after.id}` : '-';
    const members = await redis.call('read an index', 'ZRANGEBYLEX', key, from, '+', 'LIMIT', 0, limit);
    return (members as string[]).map((member): Entry => {
      const ending = member.indexOf(END_OF_VALUE);
      return { index, value: valueOf(member.slice(0, ending)), id: member.slice(ending + END_OF_VALUE.length) };
    });
  };
  return {
    position: (projection) => copy.position(projection),
    scan: (collection, afterId, limit) => copy.scan(collection, afterId, limit),
    entries: async (collection, after, limit) => {
      const found: Entry[] = [];
      for (const index of await indexesOf(collection)) {
        if (found.length >= limit) break;
        if (after && index < after.index) continue;
        const behind = after?.index === index ? after : undefined;
        found.push(...(await linesOf(collection, index, behind, limit - found.length)));
      }
      return found;
    },
    close: async () => {
      await copy.remove();
      await copy.close();
    },
  };
};
