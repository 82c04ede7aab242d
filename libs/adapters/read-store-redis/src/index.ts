export { openRedisReadStore, RedisReadStore, type RedisReadStoreOptions } from './redis-read-store.ts';
