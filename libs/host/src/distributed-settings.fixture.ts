/** The least that every service of the distributed mode is told. */
export const DISTRIBUTED_SETTINGS = {
  FOLDLINE_MODE: 'distributed',
  FOLDLINE_SECRET_KEY: Buffer.alloc(32, 7).toString('base64url'),
  FOLDLINE_EVENTSTORE_URL: 'esdb://events.example:2113',
  FOLDLINE_KAFKA_BROKERS: 'kafka.example:9093',
  FOLDLINE_REDIS_URL: 'redis://redis.example',
  FOLDLINE_S3_URL: 'https://s3.example/foldline',
  FOLDLINE_S3_ACCESS_KEY: 'access',
  FOLDLINE_S3_SECRET_KEY: 'secret',
};
