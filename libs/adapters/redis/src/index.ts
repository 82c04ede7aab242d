export {
  keyPart,
  openRedis,
  redisScript,
  type Argument,
  type ConnectionListener,
  type RedisConnection,
  type RedisScript,
} from './redis-connection.ts';
export type { RedisSettings } from './redis-settings.ts';
