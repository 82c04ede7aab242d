export { redisClaims, type RedisClaimsOptions } from './redis-claims.ts';
export { openRedisSignals, type RedisSignals, type RedisSignalsOptions } from './redis-signals.ts';
