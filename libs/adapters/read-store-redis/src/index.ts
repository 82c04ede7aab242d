export { openRedisReadStore, RedisReadStore, type RedisReadStoreOptions } from './redis-read-store.ts';
export { openRedisSnapshot, type Entry, type RedisSnapshot } from './redis-snapshot.ts';
