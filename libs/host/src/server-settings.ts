import { createPrivateKey, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { runnerPools, type RunnerPool } from './runner-pools.ts';
import { anyText, flag, oneOf, wholeNumber } from './setting-values.ts';

const url = (protocols: readonly string[], example: string) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    message: `must be a URL such as ${example}`,
  });
const required = 'Required in distributed mode.';
const secretKey = z
  .string()
  .refine((text) => Buffer.from(text, 'base64url').length === 32, 'must be 32 bytes in base64url, 43 characters');
const pem = (what: string, read: (text: string) => unknown) =>
  z
    .string()
    .refine((text) => canBe(() => read(text)), `must be ${what} as PEM text; the name of a file of it goes into …_FILE`)
    .optional();
const certificate = pem('a certificate', (text) => new X509Certificate(text));
const key = pem('a private key without a password', (text) => createPrivateKey(text));
const canBe = (attempt: () => unknown): boolean => {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
};

/** Settings of the distributed mode alone: the servers and what all processes share. */
export const SERVER_SETTINGS = {
  FOLDLINE_SECRET_KEY: secretKey
    .optional()
    .describe(`Key that secrets are sealed with, the same for all services: 32 random bytes in base64url. ${required}`),
  FOLDLINE_EVENTSTORE_URL: z
    .string()
    // Not every such string is a URL: it may have several hosts. Its client has the last word.
    .regex(/^esdb(?:\+discover)?:\/\/[^\s/?]+/, 'must be a connection string such as esdb://user:password@host:2113')
    .optional()
    .describe(`Connection string of EventStoreDB. ${required}`),
  FOLDLINE_EVENTSTORE_CA: certificate.describe('PEM of the authority that signed EventStoreDB’s certificate.'),
  FOLDLINE_KAFKA_BROKERS: z
    .string()
    .transform((text) => text.split(',').map((broker) => broker.trim()))
    .refine((brokers) => brokers.every((broker) => /^[^\s:/]+:\d{1,5}$/.test(broker)), 'must be a list of host:port')
    .optional()
    .describe(`Brokers of Kafka as \`host:port\`, separated by commas. ${required}`),
  FOLDLINE_KAFKA_TLS: flag.default(false).describe('Whether Kafka is spoken to over TLS.'),
  FOLDLINE_KAFKA_CA: certificate.describe('PEM of the authority that signed the brokers’ certificates.'),
  FOLDLINE_KAFKA_CERTIFICATE: certificate.describe('PEM of the certificate that this process shows to Kafka.'),
  FOLDLINE_KAFKA_CERTIFICATE_KEY: key.describe('PEM of the private key of that certificate.'),
  FOLDLINE_KAFKA_SASL: oneOf(['plain', 'scram-sha-256', 'scram-sha-512'])
    .optional()
    .describe('How this process proves to Kafka who it is; not at all by default.'),
  FOLDLINE_KAFKA_USERNAME: z.string().optional().describe('User name for Kafka.'),
  FOLDLINE_KAFKA_PASSWORD: z.string().optional().describe('Password for Kafka.'),
  FOLDLINE_KAFKA_PARTITIONS: wholeNumber({ least: 1, most: 1_000 })
    .default(64)
    .describe(
      'Partitions of the topic of events, set when it is made and never changed: the most processes a service can use.',
    ),
  FOLDLINE_KAFKA_REPLICATION: wholeNumber({ least: 1, most: 9 })
    .default(1)
    .describe('Copies of each partition, set when the topic is made; 3 where there are three brokers.'),
  FOLDLINE_KAFKA_RETENTION_DAYS: wholeNumber({ least: 1, most: 3_650 })
    .default(30)
    .describe(
      'Days that Kafka keeps events, set when the topic is made; a service that was away for longer reads them in the log.',
    ),
  FOLDLINE_REDIS_URL: url(['redis:', 'rediss:'], 'redis://user:password@host:6379')
    .optional()
    .describe(`URL of Redis, \`rediss://\` for TLS. ${required}`),
  FOLDLINE_REDIS_CA: certificate.describe('PEM of the authority that signed Redis’s certificate.'),
  FOLDLINE_REDIS_CERTIFICATE: certificate.describe('PEM of the certificate that this process shows to Redis.'),
  FOLDLINE_REDIS_CERTIFICATE_KEY: key.describe('PEM of the private key of that certificate.'),
  FOLDLINE_S3_URL: url(['http:', 'https:'], 'https://host:9000/bucket')
    .optional()
    .describe(`Address of MinIO or another S3 server, with the bucket as its path. ${required}`),
  FOLDLINE_S3_ACCESS_KEY: anyText.optional().describe(`Access key for the S3 server. ${required}`),
  FOLDLINE_S3_SECRET_KEY: anyText.optional().describe(`Secret key for the S3 server. ${required}`),
  FOLDLINE_S3_REGION: z.string().default('us-east-1').describe('Region of the bucket.'),
  FOLDLINE_S3_CA: certificate.describe('PEM of the authority that signed the S3 server’s certificate.'),
  FOLDLINE_NAMESPACE: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,30}$/, 'must be of a-z, 0-9 and dashes')
    .default('foldline')
    .describe(
      'Begins the names of topics, consumer groups and keys, so that several instances may share Kafka and Redis.',
    ),
  FOLDLINE_OPS_PORT: wholeNumber({ least: 0, most: 65_535 })
    .default(9464)
    .describe('Port of each service for its own `/healthz`, `/readyz` and `/metrics`; 0 takes a free one.'),
  FOLDLINE_OTLP_URL: url(['http:', 'https:'], 'http://host:4318/v1/traces')
    .optional()
    .describe('Where traces are sent by OTLP over HTTP; nowhere by default.'),
  FOLDLINE_RUNNER_POOLS: runnerPools
    .optional()
    .describe(
      'For the scheduler: pools of runners called `<pool>-<number>`, of which it measures how many each needs, as `<pool>:<power>:<slots>:<cpu>:<memory GB>:<disk GB>`, with `:<tag>+<tag>` where they have tags, separated by commas.',
    ),
} as const;

const NEEDED = [
  'FOLDLINE_SECRET_KEY',
  'FOLDLINE_EVENTSTORE_URL',
  'FOLDLINE_KAFKA_BROKERS',
  'FOLDLINE_REDIS_URL',
  'FOLDLINE_S3_URL',
  'FOLDLINE_S3_ACCESS_KEY',
  'FOLDLINE_S3_SECRET_KEY',
] as const;

const OF_KAFKA_TLS = ['FOLDLINE_KAFKA_CA', 'FOLDLINE_KAFKA_CERTIFICATE', 'FOLDLINE_KAFKA_CERTIFICATE_KEY'] as const;
const OF_REDIS_TLS = ['FOLDLINE_REDIS_CA', 'FOLDLINE_REDIS_CERTIFICATE', 'FOLDLINE_REDIS_CERTIFICATE_KEY'] as const;
const PLAIN_EVENTSTORE = /[?&]tls=false(?:&|$)/i;
/** Neither is of use without the other. */
const PAIRS = [
  ['FOLDLINE_KAFKA_CERTIFICATE', 'FOLDLINE_KAFKA_CERTIFICATE_KEY'],
  ['FOLDLINE_REDIS_CERTIFICATE', 'FOLDLINE_REDIS_CERTIFICATE_KEY'],
] as const;

type Values = z.infer<z.ZodObject<typeof SERVER_SETTINGS>>;

/** PEM: whom to trust instead of the well-known authorities, and what to show. */
type TlsTexts = { ca?: string; cert?: string; key?: string };

/** The servers of the distributed mode, each as its adapter takes it. Holds secrets. */
export type ServerSettings = {
  namespace: string;
  /** 32 bytes. */
  secretKey: Buffer;
  opsPort: number;
  otlpUrl?: string;
  /** Whose size is measured; none unless somebody scales them. */
  runnerPools: readonly RunnerPool[];
  eventStore: { url: string; certificateAuthority?: string };
  kafka: {
    brokers: string[];
    partitions: number;
    replicationFactor: number;
    retentionDays: number;
    tls?: TlsTexts;
    sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string };
  };
  redis: { url: string; keyPrefix: string; tls?: TlsTexts };
  s3: {
    endpoint: string;
    bucket: string;
    accessKey: string;
    secretKey: string;
    region: string;
    certificateAuthority?: string;
  };
};

/** What is missing for the distributed mode, or does not go together; all of it at once. */
export const serverProblems = (values: Values): string[] => [
  ...NEEDED.filter((name) => values[name] === undefined).map((name) => `${name}: is required in distributed mode`),
  ...(values.FOLDLINE_KAFKA_SASL && !(values.FOLDLINE_KAFKA_USERNAME && values.FOLDLINE_KAFKA_PASSWORD)
    ? ['FOLDLINE_KAFKA_SASL: needs FOLDLINE_KAFKA_USERNAME and FOLDLINE_KAFKA_PASSWORD']
    : []),
  ...(values.FOLDLINE_KAFKA_SASL
    ? []
    : useless(values, ['FOLDLINE_KAFKA_USERNAME', 'FOLDLINE_KAFKA_PASSWORD'], 'FOLDLINE_KAFKA_SASL')),
  ...(values.FOLDLINE_KAFKA_TLS ? [] : useless(values, OF_KAFKA_TLS, 'FOLDLINE_KAFKA_TLS=true')),
  ...(values.FOLDLINE_REDIS_URL?.startsWith('redis:')
    ? useless(values, OF_REDIS_TLS, 'a FOLDLINE_REDIS_URL with rediss://')
    : []),
  ...(PLAIN_EVENTSTORE.test(values.FOLDLINE_EVENTSTORE_URL ?? '')
    ? useless(values, ['FOLDLINE_EVENTSTORE_CA'], 'a FOLDLINE_EVENTSTORE_URL without tls=false')
    : []),
  ...(values.FOLDLINE_S3_URL?.startsWith('http:')
    ? useless(values, ['FOLDLINE_S3_CA'], 'a FOLDLINE_S3_URL with https://')
    : []),
  ...PAIRS.flatMap(([shown, secret]) => pairProblems(shown, values[shown], secret, values[secret])),
  ...(values.FOLDLINE_S3_URL && bucketOf(values.FOLDLINE_S3_URL) === ''
    ? ['FOLDLINE_S3_URL: must name the bucket as its path, such as https://host:9000/foldline']
    : []),
];

const pairProblems = (shownName: string, shown: string | undefined, keyName: string, secret: string | undefined) => {
  if (shown === undefined && secret === undefined) return [];
  if (shown === undefined || secret === undefined) return [`${shownName}: goes together with ${keyName}`];
  const isPair = new X509Certificate(shown).checkPrivateKey(createPrivateKey(secret));
  return isPair ? [] : [`${keyName}: is not the key of ${shownName}`];
};

const useless = (values: Values, names: readonly (keyof Values)[], needed: string): string[] =>
  names.filter((name) => values[name] !== undefined).map((name) => `${name}: needs ${needed}`);

/** Only for values without problems. */
export const serversOf = (values: Values): ServerSettings => ({
  namespace: values.FOLDLINE_NAMESPACE,
  secretKey: Buffer.from(values.FOLDLINE_SECRET_KEY!, 'base64url'),
  opsPort: values.FOLDLINE_OPS_PORT,
  ...(values.FOLDLINE_OTLP_URL === undefined ? {} : { otlpUrl: values.FOLDLINE_OTLP_URL }),
  runnerPools: values.FOLDLINE_RUNNER_POOLS ?? [],
  eventStore: {
    url: values.FOLDLINE_EVENTSTORE_URL!,
    ...(values.FOLDLINE_EVENTSTORE_CA === undefined ? {} : { certificateAuthority: values.FOLDLINE_EVENTSTORE_CA }),
  },
  kafka: kafkaOf(values),
  redis: {
    url: values.FOLDLINE_REDIS_URL!,
    keyPrefix: values.FOLDLINE_NAMESPACE,
    ...(OF_REDIS_TLS.every((name) => values[name] === undefined) ? {} : { tls: textsOf(values, OF_REDIS_TLS) }),
  },
  s3: {
    endpoint: new URL(values.FOLDLINE_S3_URL!).origin,
    bucket: bucketOf(values.FOLDLINE_S3_URL!),
    accessKey: values.FOLDLINE_S3_ACCESS_KEY!,
    secretKey: values.FOLDLINE_S3_SECRET_KEY!,
    region: values.FOLDLINE_S3_REGION,
    ...(values.FOLDLINE_S3_CA === undefined ? {} : { certificateAuthority: values.FOLDLINE_S3_CA }),
  },
});

const kafkaOf = (values: Values): ServerSettings['kafka'] => ({
  brokers: values.FOLDLINE_KAFKA_BROKERS!,
  partitions: values.FOLDLINE_KAFKA_PARTITIONS,
  replicationFactor: values.FOLDLINE_KAFKA_REPLICATION,
  retentionDays: values.FOLDLINE_KAFKA_RETENTION_DAYS,
  ...(values.FOLDLINE_KAFKA_TLS ? { tls: textsOf(values, OF_KAFKA_TLS) } : {}),
  ...(values.FOLDLINE_KAFKA_SASL === undefined
    ? {}
    : {
        sasl: {
          mechanism: values.FOLDLINE_KAFKA_SASL,
          username: values.FOLDLINE_KAFKA_USERNAME!,
          password: values.FOLDLINE_KAFKA_PASSWORD!,
        },
      }),
});

const textsOf = (
  values: Values,
  [authorityName, certificateName, keyName]: typeof OF_KAFKA_TLS | typeof OF_REDIS_TLS,
): TlsTexts => ({
  ...(values[authorityName] === undefined ? {} : { ca: values[authorityName] }),
  ...(values[certificateName] === undefined ? {} : { cert: values[certificateName] }),
  ...(values[keyName] === undefined ? {} : { key: values[keyName] }),
});

const bucketOf = (address: string): string => new URL(address).pathname.replace(/^\/|\/$/g, '');
