import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SERVICES, type RecordedEvent } from '@foldline/contracts';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { ApiClient, serverProgram, until } from '@foldline/client';
import { openEsdbEventStore } from '@foldline/event-store-esdb';
import { openRedis } from '@foldline/redis';
import { openS3Bucket, type S3Bucket } from '@foldline/s3';
import { withRealServer } from '@foldline/testing';
import { ROOT } from './run-cli.ts';

const ADMIN_TOKEN = 'fl_administrator_of_the_cluster';
const UP = 'the service is up';
const CAUGHT_UP_MS = 120_000;

export type Servers = { redis: string; kafka: string; s3: string };

/** Runs a suite where all servers of the distributed mode are; EventStoreDB's part is played by a stand-in. */
export const withServers = (suite: (servers: Servers) => void): void =>
  withRealServer('FOLDLINE_TEST_REDIS_URL', (redis) =>
    withRealServer('FOLDLINE_TEST_KAFKA_BROKERS', (kafka) =>
      withRealServer('FOLDLINE_TEST_S3_URL', (s3) => {
        keepFromPrograms();
        suite({ redis, kafka, s3 });
      }),
    ),
  );

/** A program inherits the environment, and refuses what is no setting of it. */
const keepFromPrograms = (): void => {
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('FOLDLINE_TEST_') || name === 'FOLDLINE_REQUIRE_REAL') delete process.env[name];
  }
};

type Program = { child: ChildProcess; ended: Promise<number | null> };

const start = (args: readonly string[], environment: Readonly<Record<string, string>>): Program => {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { child, ended: new Promise((resolve) => child.once('exit', resolve)) };
};

/** The first line of either stream that this finds something in. */
const lineOf = <Found>(
  { child, ended }: Program,
  name: string,
  find: (line: string) => Found | undefined,
): Promise<Found> =>
  new Promise((resolve, reject) => {
    const last: string[] = [];
    for (const stream of [child.stdout!, child.stderr!]) {
      createInterface({ input: stream }).on('line', (line) => {
        last.push(line);
        if (last.length > 20) last.shift();
        const found = find(line);
        if (found !== undefined) resolve(found);
      });
    }
    void ended.then((code) => reject(new Error(`${name} ended with ${String(code)}:\n${last.join('\n')}`)));
  });

/** A stand-in for EventStoreDB on a directory of its own. */
export class EventStoreServer {
  private constructor(
    private readonly program: Program,
    private readonly directory: string,
    readonly url: string,
  ) {}

  static async start(directory: string): Promise<EventStoreServer> {
    const program = start(['infra/ci/event-store/main.mjs', '--port', '0', '--data', directory], {});
    const port = await lineOf(program, 'the event store', (line) => /^ready on [\d.]+:(\d+)/.exec(line)?.[1]);
    return new EventStoreServer(program, directory, `esdb://127.0.0.1:${port}?tls=false`);
  }

  /** Every event, in the order of the log. */
  async events(): Promise<RecordedEvent[]> {
    const store = openEsdbEventStore({ url: this.url });
    try {
      return await store.readAll({ after: 0, limit: 1_000_000 });
    } finally {
      await store.close();
    }
  }

  /** What its files are at one moment, as a snapshot of its volume has them: it writes nothing while they are copied. */
  snapshot(to: string): void {
    this.program.child.kill('SIGSTOP');
    try {
      cpSync(this.directory, to, { recursive: true });
    } finally {
      this.program.child.kill('SIGCONT');
    }
  }

  async stop(): Promise<void> {
    this.program.child.kill('SIGTERM');
    await this.program.ended;
  }
}

/** Settings of a cluster with nothing in it but what lies in its log and its bucket. */
export const settingsFor = (
  { redis, kafka, s3 }: Servers,
  eventStoreUrl: string,
  bucket: string,
): Record<string, string> => {
  const { origin, username, password } = new URL(s3);
  return {
    FOLDLINE_MODE: 'distributed',
    FOLDLINE_LOG_LEVEL: 'info',
    FOLDLINE_SECRET_KEY: randomBytes(32).toString('base64url'),
    FOLDLINE_EVENTSTORE_URL: eventStoreUrl,
    FOLDLINE_KAFKA_BROKERS: kafka,
    FOLDLINE_KAFKA_PARTITIONS: '4',
    FOLDLINE_REDIS_URL: redis,
    FOLDLINE_S3_URL: `${origin}/${bucket}`,
    FOLDLINE_S3_ACCESS_KEY: username,
    FOLDLINE_S3_SECRET_KEY: password,
    FOLDLINE_NAMESPACE: uniqueName('ns'),
    FOLDLINE_OPS_PORT: '0',
  };
};

export const uniqueName = (what: string): string => `cli-${what}-${randomBytes(5).toString('hex')}`;

type Service = Program & { name: string; opsPort: number; url?: string };

/** The seven services as processes of their own. */
export class Cluster {
  private constructor(
    private readonly services: readonly Service[],
    private readonly settings: Readonly<Record<string, string>>,
    readonly client: ApiClient,
  ) {}

  static async start(directory: string, settings: Readonly<Record<string, string>>): Promise<Cluster> {
    // Both bundles are made by one program, at once.
    const isBundled = serverProgram().includes('/bundle/');
    const services = await Promise.all(
      SERVICES.map(async (name): Promise<Service> => {
        mkdirSync(join(directory, name), { recursive: true });
        const gateway = {
          FOLDLINE_PORT: '0',
          FOLDLINE_ADMIN_TOKEN: ADMIN_TOKEN,
          FOLDLINE_WEBHOOK_SECRET: randomBytes(16).toString('hex'),
        };
        const program = start([isBundled ? `dist/services/${name}.js` : `apps/${name}/dist/main.js`], {
          FOLDLINE_RUNNERS: 'cluster-high:high-power:2,cluster-low:low-power:2',
          ...settings,
          FOLDLINE_DATA_DIR: join(directory, name),
          ...(name === 'api-gateway' ? gateway : {}),
        });
        const up = await lineOf(program, name, (line) =>
          line.includes(UP) ? (JSON.parse(line) as { opsPort: number; url?: string }) : undefined,
        );
        return { name, ...program, ...up };
      }),
    );
    const url = services.find((service) => service.url !== undefined)!.url!;
    return new Cluster(services, settings, new ApiClient({ url, token: ADMIN_TOKEN }));
  }

  /** Waits until all these events are in the topic and every service has handled what is there. */
  async caughtUp(events: number): Promise<void> {
    await until(`${events} events in the topic`, async () => (await this.published()) >= events, CAUGHT_UP_MS);
    // The gateway takes no events from the topic.
    for (const { opsPort, name } of this.services.filter((service) => service.url === undefined)) {
      await until(`${name} to have handled them`, async () => (await lagOf(opsPort)) === 0, CAUGHT_UP_MS);
    }
  }

  private async published(): Promise<number> {
    return withKafka(this.settings, async (admin) => {
      const ends = await admin.fetchTopicOffsets(`${this.settings['FOLDLINE_NAMESPACE']}.events.v1`);
      return ends.reduce((sum, { high }) => sum + Number(high), 0);
    });
  }

  /** Ends all services at once, in order. */
  async stop(): Promise<void> {
    for (const { child } of this.services) child.kill('SIGTERM');
    await Promise.all(this.services.map(({ ended }) => ended));
  }
}

const withKafka = async <Result>(
  settings: Readonly<Record<string, string>>,
  work: (admin: Admin) => Promise<Result>,
): Promise<Result> => {
  const admin = new Kafka({ brokers: [settings['FOLDLINE_KAFKA_BROKERS']!], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
};

/** Takes away what a cluster with these settings left in servers that others use as well. */
export const clear = async (settings: Readonly<Record<string, string>>): Promise<void> => {
  const namespace = settings['FOLDLINE_NAMESPACE']!;
  await withKafka(settings, async (admin) => {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(`${namespace}.`));
    if (topics.length > 0) await admin.deleteTopics({ topics });
  });
  const redis = openRedis({ url: settings['FOLDLINE_REDIS_URL']!, keyPrefix: namespace });
  const keys = (await redis.call('list keys', 'KEYS', `{${namespace}}:*`)) as string[];
  if (keys.length > 0) await redis.call('remove keys', 'UNLINK', ...keys);
  await redis.close();
  await clearBucket(settings);
};

/** The bucket of these settings, made where it is not there. */
export const openBucket = (settings: Readonly<Record<string, string>>): Promise<S3Bucket> => {
  const { origin, pathname } = new URL(settings['FOLDLINE_S3_URL']!);
  return openS3Bucket({
    endpoint: origin,
    bucket: pathname.slice(1),
    accessKey: settings['FOLDLINE_S3_ACCESS_KEY']!,
    secretKey: settings['FOLDLINE_S3_SECRET_KEY']!,
  });
};

/** Takes the bucket away, with all that is in it. */
export const clearBucket = async (settings: Readonly<Record<string, string>>): Promise<void> => {
  const bucket = await openBucket(settings);
  for (const { key } of await bucket.list('')) await bucket.delete(key);
  await bucket.client.removeBucket(bucket.name);
  bucket.close();
};

const LAG = /^foldline_consumer_lag(?:\{[^}]*\})? (\S+)$/m;

const lagOf = async (opsPort: number): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text();
  return Number(LAG.exec(text)?.[1]);
};
