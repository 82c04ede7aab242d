import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { SERVICES, type ServiceName } from '@foldline/contracts';
import { ApiClient } from './api-client.ts';
import { ChildProgram } from './child-program.ts';
import { ClusterService, type Host } from './cluster-service.ts';
import { EVENT_STORE_PROGRAM } from './programs.ts';
import type { Server } from './server-process.ts';
import { inheritedEnvironment, realServers } from './topology.ts';

/** Few, because every cluster of a test has a topic of its own. */
const PARTITIONS = '8';
/** Bytes of the tokens and keys that a cluster makes for itself. */
const KEY_BYTES = 32;

/** How many processes of a service there are; one where nothing is said. */
export type Instances = Partial<Record<ServiceName, number>>;
type Environment = Readonly<Record<string, string>>;

/**
 * The distributed topology in processes of this machine: an event store of its own and every service, on the real servers
 * that `infra/ci/servers` starts, with names there that no other cluster uses.
 */
export class Cluster implements Server {
  /** Begins the names of its topics and keys. */
  readonly namespace: string;
  readonly webhookSecret: string;
  readonly dataDirectory: string;
  private readonly adminToken: string;

  private constructor(
    settings: Environment,
    private readonly directory: string,
    readonly eventStore: ChildProgram,
    private readonly services: readonly ClusterService[],
  ) {
    this.namespace = settings['FOLDLINE_NAMESPACE']!;
    this.webhookSecret = settings['FOLDLINE_WEBHOOK_SECRET']!;
    this.adminToken = settings['FOLDLINE_ADMIN_TOKEN']!;
    this.dataDirectory = join(directory, 'data');
  }

  /**
   * Starts everything, with its data and its logs in this directory, and waits until all of it is ready. `environment` adds
   * settings, for all services alike. Where there are `hosts`, each has a runner, and there are no others. `preload` is the
   * URL of a module that is loaded before each service.
   */
  static async start(
    directory: string,
    environment: Environment = {},
    instances: Instances = {},
    hosts: readonly Host[] = [],
    preload?: string,
  ): Promise<Cluster> {
    for (const part of ['data', 'logs']) mkdirSync(join(directory, part), { recursive: true });
    const eventStorePort = await freePort();
    const settings = { ...settingsOfAll(eventStorePort), ...environment };
    const inherited = inheritedEnvironment();
    const eventStore = new ChildProgram({
      name: 'eventstore',
      args: [EVENT_STORE_PROGRAM, '--port', String(eventStorePort), '--data', join(directory, 'data', 'eventstore')],
      environment: inherited,
      logFile: join(directory, 'logs', 'eventstore.log'),
      isUp: /^ready on /,
    });
    const here = SERVICES.filter((name) => name !== 'runner' || hosts.length === 0).flatMap((name) =>
      Array.from({ length: instances[name] ?? 1 }, (_none, n) => {
        const runners = n === 0 ? {} : { FOLDLINE_RUNNERS: runnersOf(`more-${n}`) };
        return new ClusterService(name, n, directory, { ...inherited, ...settings, ...runners }, { preload });
      }),
    );
    const there = await Promise.all(
      hosts.map(async (host, n) => {
        const environmentThere = { ...inherited, ...(await host.there(settings)) };
        return new ClusterService('runner', n, directory, environmentThere, { host, preload });
      }),
    );
    const services = [...here, ...there];
    const cluster = new Cluster(settings, directory, eventStore, services);
    try {
      await cluster.startAll();
    } catch (error) {
      await cluster.kill();
      throw error;
    }
    return cluster;
  }

  get pids(): number[] {
    return [this.eventStore, ...this.services].flatMap(({ pid }) => pid ?? []);
  }

  get client(): ApiClient {
    return this.clientOf(this.service('api-gateway'));
  }

  /** A client of that gateway among several. */
  clientOf(gateway: ClusterService): ApiClient {
    return new ApiClient({ url: gateway.url, token: this.adminToken });
  }

  service(name: ServiceName, instance = 0): ClusterService {
    const found = this.services.find((service) => service.name === name && service.instance === instance);
    if (!found) throw new Error(`there is no ${name} number ${instance}`);
    return found;
  }

  get all(): readonly ClusterService[] {
    return this.services;
  }

  /** Starts whatever does not run. */
  async startAll(): Promise<void> {
    if (this.eventStore.pid === undefined) await this.eventStore.start();
    await Promise.all(this.services.filter(({ pid }) => pid === undefined).map((service) => service.start()));
    await this.client.get('/api/v1/projects');
  }

  /** Ends all services in order, the event store stays. Throws when one of them did not end well, now or before. */
  async stopServices(): Promise<void> {
    const codes = await Promise.all(this.services.map((service) => service.stop()));
    const failures = this.services.flatMap((service) => service.failures);
    if (failures.length > 0) throw new Error(failures.join('\n'));
    const wrong = this.services.filter((_service, index) => ![0, null].includes(codes[index]!));
    if (wrong.length > 0)
      throw new Error(
        `${wrong.map(({ name }) => name).join(', ')} did not end well; see ${join(this.directory, 'logs')}`,
      );
  }

  async stop(): Promise<number> {
    try {
      await this.stopServices();
    } finally {
      await this.eventStore.stop();
    }
    return 0;
  }

  /** SIGKILL for everything at once. */
  async kill(): Promise<void> {
    await Promise.all([this.eventStore, ...this.services].map((program) => program.kill()));
  }
}

const settingsOfAll = (eventStorePort: number): Environment => {
  const { redisUrl, kafkaBrokers, s3Url } = realServers();
  const s3 = new URL(s3Url);
  const key = (): string => randomBytes(KEY_BYTES).toString('base64url');
  const namespace = `test-${randomBytes(6).toString('hex')}`;
  return {
    FOLDLINE_MODE: 'distributed',
    FOLDLINE_LOG_LEVEL: 'info',
    FOLDLINE_NAMESPACE: namespace,
    FOLDLINE_ADMIN_TOKEN: key(),
    FOLDLINE_WEBHOOK_SECRET: key(),
    FOLDLINE_SECRET_KEY: key(),
    FOLDLINE_EVENTSTORE_URL: `esdb://127.0.0.1:${eventStorePort}?tls=false`,
    FOLDLINE_KAFKA_BROKERS: kafkaBrokers,
    FOLDLINE_KAFKA_PARTITIONS: PARTITIONS,
    FOLDLINE_REDIS_URL: redisUrl,
    FOLDLINE_S3_URL: `${s3.protocol}//${s3.host}/${namespace}`,
    FOLDLINE_S3_ACCESS_KEY: decodeURIComponent(s3.username),
    FOLDLINE_S3_SECRET_KEY: decodeURIComponent(s3.password),
    FOLDLINE_RUNNERS: runnersOf('local'),
    FOLDLINE_DRAIN_SECONDS: '0',
    FOLDLINE_DOCKER_HOST: 'none',
  };
};

/** The runners that a standalone server has. */
const runnersOf = (host: string): string => `${host}-high:high-power:6,${host}-low:low-power:4`;

/** One that is free now; the event store must be found there again after a restart. */
const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
};
