import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { answers, OwnRedis } from './own-redis.ts';
import { absent, withPrograms } from './real-server.ts';

const run = promisify(execFile);
const CI = fileURLToPath(new URL('../../../infra/ci', import.meta.url));
const KAFKA_JARS = join(process.env['FOLDLINE_CI_DIR'] ?? '/var/tmp/foldline-ci', 'kafka/libs');
const EVENT_STORE_BUILT = join(CI, '../../libs/adapters/event-store-embedded/dist/index.js');
const START_MS = 60_000;
/** What a broker of a test needs of memory; it has few topics and little to say. */
const JAVA = '-Xms128m -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.awt.headless=true'.split(' ');

/** Throw-away certificates, in files that infra/ci/tls/certificates names; needs openssl. */
export const makeCertificates = async (directory: string, ...names: string[]): Promise<void> => {
  await run(join(CI, 'tls/certificates'), [directory, ...names]);
};

/** The user that every one of the servers knows; to S3 it is the access key. */
export const SECURE_USER = 'foldline';

/**
 * The four servers of the distributed mode, each on a port of its own, with TLS and credentials: certificates of an
 * authority that only they know, and one user with one password. Redis lets in who shows a certificate of it besides;
 * Kafka has three ports, for users, for certificates, and one without either for itself. The event store is the stand-in
 * of infra/ci/event-store, the S3 server is Ceph's gateway; both speak TLS themselves.
 */
export class SecureServers {
  private readonly children: ChildProcess[] = [];
  private redis: OwnRedis | undefined;
  readonly ports = { redis: 0, s3: 0, kafkaUsers: 0, kafkaCertificates: 0, eventStore: 0 };

  private constructor(
    /** Certificates as infra/ci/tls/certificates makes them, and what the servers keep. */
    readonly directory: string,
    readonly password: string,
  ) {}

  static async start(): Promise<SecureServers> {
    const directory = mkdtempSync(join(tmpdir(), 'foldline-secure-'));
    const servers = new SecureServers(directory, randomBytes(18).toString('base64url'));
    process.once('exit', servers.kill);
    try {
      await makeCertificates(directory);
      await Promise.all([servers.upKafka(), servers.upS3(), servers.upRedis(), servers.upEventStore()]);
      return servers;
    } catch (error) {
      await servers.close();
      throw error;
    }
  }

  /** The text of one of the files of infra/ci/tls/certificates. */
  pem(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  async close(): Promise<void> {
    process.off('exit', this.kill);
    await this.redis?.close();
    await run(join(CI, 's3/ceph'), ['kill', this.path('s3')]);
    await Promise.all(
      this.children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }),
    );
    rmSync(this.directory, { recursive: true, force: true });
  }

  private readonly kill = (): void => {
    for (const child of this.children) child.kill('SIGKILL');
  };

  private path(name: string): string {
    return join(this.directory, name);
  }

  private async upRedis(): Promise<void> {
    const [cert, key, ca] = ['server.pem', 'server-key.pem', 'ca.pem'].map((name) => this.path(name));
    const tls = ['--tls-cert-file', cert!, '--tls-key-file', key!, '--tls-ca-cert-file', ca!];
    // What docs/distributed.md says that the user needs, and no more.
    const user = `${SECURE_USER} on >${this.password} ~{foldline}:* &{foldline}:* +@all -@dangerous +info`;
    const users = ['--user', ...user.split(' '), '--user', 'default', 'off'];
    this.redis = await OwnRedis.start(
      '--port',
      '0',
      '--tls-port',
      'PORT',
      ...tls,
      '--tls-auth-clients',
      'yes',
      ...users,
    );
    this.ports.redis = this.redis.port;
  }

  private async upS3(): Promise<void> {
    this.ports.s3 = await freePort();
    const clusterPort = await freePort();
    const args = [this.path('s3'), String(this.ports.s3), SECURE_USER, this.password, String(clusterPort)];
    await run(join(CI, 's3/ceph'), ['up', ...args, this.directory], { timeout: START_MS });
  }

  private async upEventStore(): Promise<void> {
    this.ports.eventStore = await freePort();
    writeFileSync(this.path('users'), `${SECURE_USER}:${this.password}\n`);
    const tls = ['--certificate', this.path('server.pem'), '--key', this.path('server-key.pem')];
    const where = ['--port', String(this.ports.eventStore), '--data', this.path('events')];
    const users = ['--users', this.path('users')];
    const args = [join(CI, 'event-store/main.mjs'), ...where, ...tls, ...users];
    await this.up('eventstore', this.ports.eventStore, process.execPath, args);
  }

  private async upKafka(): Promise<void> {
    this.ports.kafkaUsers = await freePort();
    this.ports.kafkaCertificates = await freePort();
    const properties = this.path('kafka.properties');
    writeFileSync(properties, await this.kafkaProperties());
    writeFileSync(this.path('kafka-server.pem'), this.pem('server-key.pem') + this.pem('server.pem'));
    const java = [...JAVA, '-cp', `${KAFKA_JARS}/*`];
    const format = ['kafka.tools.StorageTool', 'format', '-t', '4L6g3nShT-eMCtK--X86sw', '-c', properties];
    const user = `SCRAM-SHA-512=[name=${SECURE_USER},password=${this.password}]`;
    await run('java', [...java, ...format, '--add-scram', user]);
    await this.up('kafka', this.ports.kafkaUsers, 'java', [...java, 'kafka.Kafka', properties]);
  }

  /** Those of infra/ci/kafka, with two listeners more. */
  private async kafkaProperties(): Promise<string> {
    const { kafkaUsers, kafkaCertificates } = this.ports;
    const values = {
      PORT: await freePort(),
      CONTROLLER_PORT: await freePort(),
      DATA: this.path('kafka'),
      LISTENERS: `,USERS://127.0.0.1:${kafkaUsers},CERTIFICATES://127.0.0.1:${kafkaCertificates}`,
      ADVERTISED: `,USERS://127.0.0.1:${kafkaUsers},CERTIFICATES://127.0.0.1:${kafkaCertificates}`,
      PROTOCOLS: ',USERS:SASL_SSL,CERTIFICATES:SSL',
    };
    const template = readFileSync(join(CI, 'kafka/server.properties'), 'utf8');
    const known = Object.entries(values).reduce(
      (text, [name, value]) => text.replaceAll(`@${name}@`, `${value}`),
      template,
    );
    const login = 'org.apache.kafka.common.security';
    return `${known}
ssl.keystore.type=PEM
ssl.keystore.location=${this.path('kafka-server.pem')}
ssl.truststore.type=PEM
ssl.truststore.location=${this.path('ca.pem')}
listener.name.certificates.ssl.client.auth=required
listener.name.users.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.users.plain.sasl.jaas.config=${login}.plain.PlainLoginModule required user_${SECURE_USER}="${this.password}";
listener.name.users.scram-sha-512.sasl.jaas.config=${login}.scram.ScramLoginModule required;
`;
  }

  private async up(name: string, port: number, program: string, args: readonly string[]): Promise<void> {
    const output = openSync(this.path(`${name}.log`), 'a');
    const child = spawn(program, [...args], { stdio: ['ignore', output, output] });
    closeSync(output);
    this.children.push(child);
    for (const since = performance.now(); !(await answers(port)); await sleep(50)) {
      if (child.exitCode !== null || performance.now() - since > START_MS)
        throw new Error(`${name} did not start:\n${readFileSync(this.path(`${name}.log`), 'utf8').slice(-2_000)}`);
    }
  }
}

/** Runs a suite that starts these servers; elsewhere it is skipped with a line that says what is missing. */
export const withSecureServers = (suite: () => void): void =>
  withPrograms(['openssl', 'java', 'radosgw', 'ceph-mon', 'ceph-osd', 'redis-server'], () => {
    const missing = [KAFKA_JARS, EVENT_STORE_BUILT].filter((path) => !existsSync(path));
    if (missing.length === 0) return suite();
    const hint = 'needs Kafka and the build: `npx tsc -b` and `infra/ci/servers up`';
    absent('the four servers with TLS', { hint, problem: `not there: ${missing.join(', ')}` });
  });
