import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiClient, until, type Accepted, type PipelineAnswer } from '@foldline/client';
import type { ServiceName } from '@foldline/contracts';
import { SECURE_USER, SecureServers, withSecureServers } from '@foldline/testing';
import { root } from '../../scripts/workspace.mjs';
import { settingsIn } from './documented-settings.ts';

type Settings = Readonly<Record<string, string>>;
const START_MS = 60_000;
const AT_ONCE = 4;
const WRONG = 'a-password-that-is-wrong';
const DEFINITION = `
stages: [build, test]
build: { stage: build, script: mkdir out && echo made > out/it, artifacts: { paths: [out/] } }
test: { stage: test, script: cat out/it }
`;
const PIPELINE_SERVICES: ServiceName[] = ['api-gateway', 'pipeline-planner', 'scheduler', 'runner', 'artifact-store'];

/** A service as a process of its own, with everything that it says. */
class Service {
  output = '';
  /** What it ended with; absent while it runs. */
  code: number | null | undefined;
  readonly ended: Promise<number | null>;
  private readonly child: ChildProcess;

  constructor(name: ServiceName, settings: Settings) {
    const program = join(root, 'dist/services', `${name}.js`);
    const environment = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...settings };
    this.child = spawn(process.execPath, [program], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    this.ended = once(this.child, 'close').then(([code]) => (this.code = code as number | null));
  }

  /** The line that says that it is up. */
  async up(): Promise<{ opsPort: number; url?: string }> {
    const isUp = () => {
      if (this.child.exitCode !== null) throw new Error(this.output);
      return this.output.split('\n').find((text) => text.includes('"the service is up"'));
    };
    const line = await until('the service to be up', isUp, START_MS).catch((error: unknown) => {
      throw new Error(`not up: ${this.output}`, { cause: error });
    });
    return JSON.parse(line) as { opsPort: number; url?: string };
  }

  stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.ended;
  }

  kill(): Promise<number | null> {
    this.child.kill('SIGKILL');
    return this.ended;
  }
}

withSecureServers(() => {
  describe('a cluster whose four servers speak TLS and want to know who asks', () => {
    const directory = mkdtempSync(join(tmpdir(), 'foldline-tls-'));
    const started: Service[] = [];
    let servers: SecureServers;
    let settings: Record<string, string>;
    let count = 0;

    /** What the files hold that docs/distributed.md names, for the servers of this test. */
    const hereFrom = (text: string): string =>
      text
        .replaceAll('PASSWORD', servers.password)
        .replaceAll('eventstore.example:2113', `127.0.0.1:${servers.ports.eventStore}`)
        .replaceAll('kafka.example:9093', `127.0.0.1:${servers.ports.kafkaUsers}`)
        .replaceAll('redis.example:6379', `127.0.0.1:${servers.ports.redis}`)
        .replaceAll('s3.example:9000', `127.0.0.1:${servers.ports.s3}`)
        .replaceAll('/run/secrets/', `${directory}/secrets/`);

    beforeAll(async () => {
      servers = await SecureServers.start();
      mkdirSync(join(directory, 'secrets'));
      for (const name of ['ca.pem', 'client.pem', 'client-key.pem', 'stranger-ca.pem'])
        writeFileSync(join(directory, 'secrets', name), servers.pem(name));
      writeFileSync(join(directory, 'secrets/password'), `${servers.password}\n`);
      const documented = settingsIn(readFileSync(join(root, 'docs/distributed.md'), 'utf8'), 'TLS and credentials');
      for (const [path, text] of Object.entries(documented.files)) writeFileSync(hereFrom(path), hereFrom(text));
      settings = Object.fromEntries(
        Object.entries(documented.settings).map(([name, value]) => [name, hereFrom(value)]),
      );
      Object.assign(settings, {
        FOLDLINE_MODE: 'distributed',
        FOLDLINE_SECRET_KEY: randomBytes(32).toString('base64url'),
        FOLDLINE_KAFKA_PARTITIONS: '4',
        FOLDLINE_PORT: '0',
        FOLDLINE_OPS_PORT: '0',
        FOLDLINE_DRAIN_SECONDS: '0',
      });
    }, START_MS);
    afterEach(() => Promise.all(started.splice(0).map((service) => service.kill())));
    afterAll(async () => {
      await servers.close();
      rmSync(directory, { recursive: true });
    });

    const start = (name: ServiceName, more: Readonly<Record<string, string | undefined>> = {}): Service => {
      count += 1;
      const dataDirectory = join(directory, `data-${count}`);
      const all = Object.entries({ ...settings, FOLDLINE_DATA_DIR: dataDirectory, ...more });
      const given = all.filter((entry): entry is [string, string] => entry[1] !== undefined);
      const service = new Service(name, Object.fromEntries(given));
      started.push(service);
      return service;
    };
    const secret = (name: string): string => join(directory, 'secrets', name);
    /** Takes the place of a file of the documented settings. */
    const otherFile = (text: string): string => {
      const path = join(directory, `other-${(count += 1)}`);
      writeFileSync(path, text);
      return path;
    };
    const url = (server: 'eventstore' | 'redis', change: (text: string) => string): string =>
      otherFile(change(readFileSync(secret(`${server}-url`), 'utf8')));
    const wrongPassword = (text: string): string => text.replace(servers.password, WRONG);

    /** What a pipeline needs, started, with a project of this definition. */
    const startedFor = async (project: string, definition: string, ofRunner: Settings = {}) => {
      const repository = join(directory, project);
      mkdirSync(repository);
      const git = async (...args: string[]): Promise<void> => {
        const named = ['-c', 'user.name=a', '-c', 'user.email=a@foldline.example', ...args];
        await once(spawn('git', named, { cwd: repository }), 'close');
      };
      writeFileSync(join(repository, '.codara-ci.yml'), definition);
      await git('init', '--quiet', '--initial-branch=main');
      await git('add', '--all');
      await git('commit', '--quiet', '--message', 'Begin');
      const token = randomBytes(16).toString('hex');
      const own = { FOLDLINE_ADMIN_TOKEN: token, FOLDLINE_WEBHOOK_SECRET: token };
      const services = PIPELINE_SERVICES.map((name) =>
        start(name, { ...(name === 'api-gateway' ? own : {}), ...(name === 'runner' ? ofRunner : {}) }),
      );
      const [gateway] = await Promise.all(services.map((service) => service.up()));
      const client = new ApiClient({ url: gateway!.url!, token });
      await client.post('/api/v1/projects', { owner: 'acme', name: project, url: repository });
      const { id } = await client.post<Accepted>(`/api/acme/${project}/pipelines`, { ref: 'main' });
      const rested = () =>
        until('the pipeline to end', async () => {
          const pipeline = await client.get<PipelineAnswer>(`/api/acme/${project}/pipelines/${id}`);
          return ['success', 'failed'].includes(pipeline.status) && pipeline;
        });
      return { services, client, rested };
    };

    it(
      'takes a pipeline from the trigger to its end, with the settings that docs/distributed.md names',
      async () => {
        const { services, client, rested } = await startedFor('app', DEFINITION);
        const ended = await rested();
        expect(ended.jobs.map((job) => [job.name, job.status])).toEqual([
          ['build', 'success'],
          ['test', 'success'],
        ]);
        expect(await client.text(`/api/acme/app/jobs/${ended.jobs[1]!.id}/logs`)).toContain('made');
        expect(await Promise.all(services.map((service) => service.stop()))).toEqual(services.map(() => 0));
        const said = services.map(({ output }) => output).join('\n');
        expect(said).not.toContain(servers.password);
      },
      START_MS,
    );

    it(
      'leaves a data directory to one process: a runner with another name is refused there, and the job in it goes on',
      async () => {
        const [begun, gate, shared] = ['begun', 'gate', 'shared'].map((name) => join(directory, name));
        const definition = `wait: { script: 'touch ${begun}; until test -e ${gate}; do sleep 0.1; done' }`;
        const here = { FOLDLINE_DATA_DIR: shared! };
        const { services, rested } = await startedFor('one-directory', definition, here);
        await until('the job to run', () => existsSync(begun!));
        const second = start('runner', { ...here, FOLDLINE_RUNNERS: 'another:high-power:1' });
        expect(await second.ended).toBe(2);
        expect(second.output).toMatch(/Another process runs in .*\/shared\..* FOLDLINE_DATA_DIR of its own/);
        writeFileSync(gate!, '');
        expect((await rested()).jobs).toEqual([expect.objectContaining({ status: 'success', attempt: 1 })]);
        expect(await Promise.all(services.map((service) => service.stop()))).toEqual(services.map(() => 0));
      },
      2 * START_MS,
    );

    it(
      'leaves a runner to one process: of two that start at once one ends, and so does one of it and a later one',
      async () => {
        const twin = { FOLDLINE_RUNNERS: 'twin:high-power:1', FOLDLINE_RUNNER_LEASE_SECONDS: '4' };
        const token = randomBytes(16).toString('hex');
        // A scheduler begins when the read models are up to date, which a gateway keeps.
        const keeper = start('api-gateway', { FOLDLINE_ADMIN_TOKEN: token, FOLDLINE_WEBHOOK_SECRET: token });
        await Promise.all([keeper.up(), start('scheduler', twin).up()]);
        const oneOf = async (twins: readonly Service[]): Promise<Service> => {
          const ended = await until(
            'one process of two to end',
            () => twins.find((one) => one.code !== undefined),
            START_MS,
          );
          // It was refused, or had begun and stopped in order when the other took its place.
          expect(`${ended.code} ${ended.output}`).toMatch(/^[02] [^]*[Aa]nother process .* by FOLDLINE_RUNNERS/);
          const other = twins.find((one) => one !== ended)!;
          await other.up();
          return other;
        };
        const first = await oneOf([start('runner', twin), start('runner', twin)]);
        await oneOf([first, start('runner', twin)]);
      },
      4 * START_MS,
    );

    it(
      'lets no service in that has another key than the first that was started: it names the setting, and neither key',
      async () => {
        await start('notifier').up();
        const other = randomBytes(32).toString('base64url');
        const refused = start('scheduler', { FOLDLINE_SECRET_KEY: other });
        expect(await refused.ended).toBe(2);
        expect(refused.output).toMatch(/^FOLDLINE_SECRET_KEY is not the key that this instance was begun with.*$/m);
        expect(refused.output).not.toContain('"the service is up"');
        for (const key of [other, settings['FOLDLINE_SECRET_KEY']!]) expect(refused.output).not.toContain(key);
      },
      2 * START_MS,
    );

    it.each<[string, () => Readonly<Record<string, string | undefined>>]>([
      ['a user by SASL plain', () => ({ FOLDLINE_KAFKA_SASL: 'plain' })],
      [
        'a certificate',
        () => ({
          FOLDLINE_KAFKA_BROKERS: `127.0.0.1:${servers.ports.kafkaCertificates}`,
          FOLDLINE_KAFKA_SASL: undefined,
          FOLDLINE_KAFKA_USERNAME: undefined,
          FOLDLINE_KAFKA_PASSWORD_FILE: undefined,
          FOLDLINE_KAFKA_CERTIFICATE_FILE: secret('client.pem'),
          FOLDLINE_KAFKA_CERTIFICATE_KEY_FILE: secret('client-key.pem'),
        }),
      ],
    ])('is let into Kafka as %s', async (_who, change) => {
      const { opsPort } = await start('notifier', change()).up();
      const answer = await fetch(`http://127.0.0.1:${opsPort}/readyz`);
      expect(await answer.json()).toEqual({ status: 'ok', checks: { eventstore: 'ok', kafka: 'ok' } });
    });

    const [ES, REDIS] = ['FOLDLINE_EVENTSTORE_URL_FILE', 'FOLDLINE_REDIS_URL_FILE'];
    const authority = (name: string) => () => ({ [`FOLDLINE_${name}_CA_FILE`]: secret('stranger-ca.pem') });
    const noCertificate = {
      FOLDLINE_REDIS_CERTIFICATE_FILE: undefined,
      FOLDLINE_REDIS_CERTIFICATE_KEY_FILE: undefined,
    };
    const cases: [string, () => Readonly<Record<string, string | undefined>>, RegExp][] = [
      [
        'EventStoreDB and a wrong password',
        () => ({ [ES]: url('eventstore', wrongPassword) }),
        /EventStoreDB .*does not accept the user name and the password.*FOLDLINE_EVENTSTORE_URL/,
      ],
      [
        'EventStoreDB and no user',
        () => ({ [ES]: url('eventstore', (text) => text.replace(/\/\/.*@/, '//')) }),
        /EventStoreDB .*no right to it, or none was named.*FOLDLINE_EVENTSTORE_URL/,
      ],
      ['EventStoreDB and a strange authority', authority('EVENTSTORE'), /EventStoreDB .*FOLDLINE_EVENTSTORE_CA_FILE/],
      [
        'EventStoreDB without TLS',
        () => ({
          [ES]: url('eventstore', (text) => `${text.replace(/\/\/.*@/, '//')}?tls=false`),
          FOLDLINE_EVENTSTORE_CA_FILE: undefined,
        }),
        /EventStoreDB .*speaks TLS there: leave tls=false out of FOLDLINE_EVENTSTORE_URL/,
      ],
      [
        'Kafka and a wrong password',
        () => ({ FOLDLINE_KAFKA_PASSWORD_FILE: otherFile(WRONG) }),
        /Kafka: .*[Aa]uthentication failed.*FOLDLINE_KAFKA_PASSWORD/,
      ],
      [
        'Kafka and a mechanism that it does not have',
        () => ({ FOLDLINE_KAFKA_SASL: 'scram-sha-256' }),
        /Kafka: .*not support the requested SASL mechanism.*FOLDLINE_KAFKA_SASL/,
      ],
      ['Kafka and a strange authority', authority('KAFKA'), /Kafka at .*FOLDLINE_KAFKA_CA_FILE/],
      [
        'Kafka without TLS',
        () => ({ FOLDLINE_KAFKA_TLS: 'false', FOLDLINE_KAFKA_CA_FILE: undefined }),
        /Kafka at .*speaks TLS there: set FOLDLINE_KAFKA_TLS=true/,
      ],
      [
        'Kafka that wants a certificate, and none',
        () => ({ FOLDLINE_KAFKA_BROKERS: `127.0.0.1:${servers.ports.kafkaCertificates}` }),
        /Kafka at .*wants to see a certificate.*FOLDLINE_KAFKA_CERTIFICATE_FILE/,
      ],
      [
        'Redis and a wrong password',
        () => ({ [REDIS]: url('redis', wrongPassword) }),
        /Redis .*WRONGPASS.*FOLDLINE_REDIS_URL/,
      ],
      ['Redis and a strange authority', authority('REDIS'), /Redis at .*FOLDLINE_REDIS_CA_FILE/],
      [
        'Redis without TLS',
        () => ({
          [REDIS]: url('redis', (text) => text.replace('rediss:', 'redis:')),
          FOLDLINE_REDIS_CA_FILE: undefined,
          ...noCertificate,
        }),
        /Redis at .*speaks TLS there: let FOLDLINE_REDIS_URL begin with rediss/,
      ],
      [
        'Redis and no certificate',
        () => noCertificate,
        /Redis at .*wants to see a certificate.*FOLDLINE_REDIS_CERTIFICATE_FILE/,
      ],
      [
        'S3 and a wrong secret key',
        () => ({ FOLDLINE_S3_SECRET_KEY_FILE: otherFile(WRONG) }),
        /S3: .*the secret key does not belong to the access key.*FOLDLINE_S3_SECRET_KEY/,
      ],
      [
        'S3 and a wrong access key',
        () => ({ FOLDLINE_S3_ACCESS_KEY: 'nobody' }),
        /S3: .*does not know the access key.*FOLDLINE_S3_ACCESS_KEY/,
      ],
      ['S3 and a strange authority', authority('S3'), /S3 at .*FOLDLINE_S3_CA_FILE/],
      [
        'S3 without TLS',
        () => ({
          FOLDLINE_S3_URL: settings['FOLDLINE_S3_URL']!.replace('https:', 'http:'),
          FOLDLINE_S3_CA_FILE: undefined,
        }),
        /S3 at .*speaks TLS there: let FOLDLINE_S3_URL begin with https/,
      ],
    ];

    describe('whose settings are wrong', () => {
      const outcomes = new Map<string, [code: number | null, output: string]>();

      // Most of what they do is to wait.
      beforeAll(async () => {
        const left = [...cases];
        const takeNext = async (): Promise<void> => {
          for (let next = left.shift(); next; next = left.shift()) {
            const service = start('notifier', next[1]());
            const code = await service.ended;
            outcomes.set(next[0], [code, service.output]);
          }
        };
        await Promise.all(Array.from({ length: AT_ONCE }, takeNext));
      }, START_MS);

      it.each(cases)('does not start with %s: it says what to mend, and no secret', (what, _change, saying) => {
        const [code, output] = outcomes.get(what)!;
        expect([code, output]).toEqual([2, expect.stringMatching(saying)]);
        for (const text of [WRONG, servers.password, SECURE_USER + ':']) expect(output).not.toContain(text);
      });
    });
  });
});
