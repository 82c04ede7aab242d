import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { SERVICES } from '@foldline/contracts';
import { withPrograms } from '@foldline/testing';
import { isSetting } from './documented-settings.ts';
import { root } from '../../scripts/workspace.mjs';

type Service = {
  image: string;
  command?: string[];
  environment: Record<string, string>;
  secrets?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  networks: string[];
  ports?: string[];
  container_name?: string;
  volumes?: string[];
  group_add?: string[];
  restart: string;
  cpus: number | string;
  mem_limit: string;
  pids_limit: number;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt: string[];
};
type Compose = {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean }>;
  volumes: Record<string, unknown>;
  secrets: Record<string, { file: string }>;
};

/** As Compose writes it, with everything filled in. */
type TakenCompose = {
  services: Record<
    string,
    { environment: Record<string, string>; secrets: { source: string }[]; networks: Record<string, unknown> }
  >;
};

/** A program and its first arguments. */
type Composer = readonly [string, ...string[]];

const SERVERS = ['kafka', 'eventstore', 'minio', 'redis'];
const path = join(root, 'docker-compose.yml');
const compose = parse(readFileSync(path, 'utf8'), { merge: true }) as Compose;
const all = Object.entries(compose.services);
const ours = all.filter(([name]) => !SERVERS.includes(name));

describe('docker-compose.yml', () => {
  it('runs the seven services and the four servers', () => {
    expect(all.map(([name]) => name).toSorted()).toEqual([...SERVICES, ...SERVERS].toSorted());
    for (const [name, { command }] of ours)
      expect([name, command!.at(-1)]).toEqual([name, expect.stringContaining(`/app/${name}.js`)]);
  });

  it('names every image by its release', () => {
    for (const [name, { image }] of all) {
      expect([name, image]).toEqual([name, expect.stringMatching(/:(?:RELEASE\.)?\d[\w.-]*\}?$/)]);
      expect(image).not.toContain('latest');
    }
  });

  it('starts services only when the four servers are well', () => {
    for (const [name, { depends_on }] of ours) {
      expect([name, depends_on]).toEqual([
        name,
        Object.fromEntries(SERVERS.map((server) => [server, { condition: 'service_healthy' }])),
      ]);
    }
    for (const server of SERVERS)
      expect([server, compose.services[server]!.healthcheck?.test]).toEqual([server, expect.any(Array)]);
  });

  it('limits what each takes, and starts again what ends', () => {
    for (const [name, service] of all) {
      expect([name, Number.isNaN(service.cpus), service.mem_limit, service.pids_limit, service.restart]).toEqual([
        name,
        false,
        expect.stringMatching(/\d+[mg]\}?$/),
        expect.any(Number),
        'unless-stopped',
      ]);
      expect(service.security_opt).toEqual(['no-new-privileges:true']);
    }
    for (const [, service] of ours) expect([service.read_only, service.cap_drop]).toEqual([true, ['ALL']]);
  });

  it('publishes only the gateway, on the loopback unless told otherwise', () => {
    expect(all.filter(([, { ports }]) => ports).map(([name, { ports }]) => [name, ports])).toEqual([
      ['api-gateway', ['${FOLDLINE_PUBLISH:-127.0.0.1:8080}:8080']],
    ]);
  });

  it('keeps the servers on a network that leads nowhere', () => {
    expect(compose.networks['servers']).toEqual({ internal: true });
    for (const server of SERVERS) expect(compose.services[server]!.networks).toEqual(['servers']);
  });

  it('lets services be scaled: none has a name or a volume that two could not have', () => {
    for (const [name, service] of ours) {
      expect([name, service.container_name]).toEqual([name, undefined]);
      expect([name, service.volumes]).toEqual([name, ['/var/lib/foldline']]);
    }
  });

  it('keeps what the servers store in named volumes', () => {
    const used = SERVERS.flatMap((server) => compose.services[server]!.volumes!.map((volume) => volume.split(':')[0]!));
    expect(used.toSorted()).toEqual(Object.keys(compose.volumes).toSorted());
  });

  it('has no secret in it: each is a file, and only the gateway has those of the HTTP server', () => {
    for (const [name, { environment, secrets = [] }] of all) {
      const files = Object.entries(environment ?? {}).filter(([setting]) => setting.endsWith('_FILE'));
      for (const [, file] of files) expect(secrets).toContain(file.replace('/run/secrets/', ''));
      expect(
        Object.keys(environment ?? {}).filter((setting) =>
          /(?:TOKEN|SECRET|KEY|PASSWORD|REDIS_URL|STORE_URL)$/.test(setting),
        ),
      ).toEqual([]);
      expect([name, secrets.includes('admin-token')]).toEqual([name, name === 'api-gateway']);
    }
  });
});

describe('the settings in docker-compose.yml', () => {
  it('are all known', () => {
    for (const [name, { environment, command = [] }] of ours) {
      const inCommand = [...command.join(' ').matchAll(/\b(FOLDLINE_[A-Z_]+)=/g)].map(([, setting]) => setting!);
      const names = [...Object.keys(environment), ...inCommand];
      expect([name, names.filter((setting) => !isSetting(setting))]).toEqual([name, []]);
      expect(names).toContain('FOLDLINE_MODE');
    }
  });
});

describe('what the shell may set for docker-compose.yml', () => {
  it.each([
    ['FOLDLINE_URL', 'api-gateway'],
    ['FOLDLINE_INCLUDE_HOSTS', 'api-gateway'],
    ['FOLDLINE_INCLUDE_HOSTS', 'pipeline-planner'],
    ['FOLDLINE_RUNNER_TAGS', 'runner'],
  ])('%s goes to the %s as it is, and is not set when the shell has none', (name, service) => {
    expect(compose.services[service]!.environment).toHaveProperty(name, null);
  });
});

describe('infra/compose/make-secrets', () => {
  const folder = mkdtempSync(join(tmpdir(), 'foldline-secrets-'));
  const secrets = join(folder, 'secrets');
  const contents = (): [string, string][] =>
    readdirSync(secrets)
      .toSorted()
      .map((name) => [name, readFileSync(join(secrets, name), 'utf8')]);
  const make = (): void => {
    execFileSync(join(folder, 'make-secrets'), { stdio: ['ignore', 'ignore', 'pipe'] });
  };

  beforeAll(() => {
    cpSync(join(root, 'infra/compose/make-secrets'), join(folder, 'make-secrets'));
    make();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('makes every file that docker-compose.yml names', () => {
    const wanted = Object.values(compose.secrets).map(({ file }) => file);
    expect(wanted.toSorted()).toEqual(contents().map(([name]) => `infra/compose/secrets/${name}`));
  });

  it('makes values that the settings take', () => {
    const values = new Map(contents());
    expect(Buffer.from(values.get('secret-key')!, 'base64url')).toHaveLength(32);
    expect(values.get('admin-token')!.length).toBeGreaterThanOrEqual(16);
    expect(new URL(values.get('redis-url')!)).toMatchObject({
      protocol: 'redis:',
      password: values.get('redis-password'),
    });
    expect(values.get('redis.conf')).toBe(`requirepass ${values.get('redis-password')}\n`);
  });

  it('lets nobody else into the directory, and the users of the containers read the files', () => {
    expect(statSync(secrets).mode & 0o777).toBe(0o700);
    for (const [name] of contents()) expect([name, statSync(join(secrets, name)).mode & 0o777]).toEqual([name, 0o444]);
  });

  it('keeps what is there', () => {
    const before = contents();
    make();
    expect(contents()).toEqual(before);
  });
});

/** What Compose makes of these files. */
const takenBy = ([program, ...first]: Composer, files: readonly string[], surroundings = {}): unknown => {
  const args = [...first, ...files.flatMap((file) => ['--file', file]), 'config'];
  const env = { ...process.env, ...surroundings };
  return parse(execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env }));
};

const describeComposer = (name: string, composer: Composer): void => {
  describe(name, () => {
    it('takes the file', () => {
      const taken = takenBy(composer, [path]) as Compose;
      expect(Object.keys(taken.services).toSorted()).toEqual(all.map(([name]) => name).toSorted());
    });

    it('takes the file of docs/compose.md for servers elsewhere, which gives every service what it needs there', () => {
      const text = /^```yaml\n([^]*?)^```/m.exec(readFileSync(join(root, 'docs/compose.md'), 'utf8'))![1]!;
      const folder = mkdtempSync(join(tmpdir(), 'foldline-elsewhere-'));
      writeFileSync(join(folder, 'elsewhere.yml'), text);
      const taken = takenBy(composer, [path, join(folder, 'elsewhere.yml')]) as TakenCompose;
      rmSync(folder, { recursive: true });
      for (const service of SERVICES) {
        const { environment, secrets, networks } = taken.services[service]!;
        const given = secrets.map(({ source }) => `/run/secrets/${source}`);
        expect([service, Object.keys(environment).filter((name) => !isSetting(name))]).toEqual([service, []]);
        for (const [name, value] of Object.entries(environment))
          if (name.endsWith('_FILE')) expect([service, given]).toEqual([service, expect.arrayContaining([value])]);
        expect([service, environment['FOLDLINE_KAFKA_TLS'], Object.keys(networks)]).toEqual([
          service,
          'true',
          expect.arrayContaining(['outside']),
        ]);
      }
    });

    it('takes the file for jobs in containers, whose runner and daemon see one directory under one name', () => {
      const forJobs = [path, join(root, 'infra/compose/docker-jobs.yml')];
      expect(() => takenBy(composer, forJobs)).toThrow(/FOLDLINE_DOCKER_GROUP|FOLDLINE_RUNNER_DIRECTORY/);
      const given = { FOLDLINE_RUNNER_DIRECTORY: '/srv/runner', FOLDLINE_DOCKER_GROUP: '999' };
      const { services } = takenBy(composer, forJobs, given) as Compose;
      const { environment, group_add, volumes } = services['runner']!;
      expect(Object.keys(environment).filter((name) => !isSetting(name))).toEqual([]);
      expect([environment['FOLDLINE_DATA_DIR'], group_add]).toEqual(['/srv/runner', ['999']]);
      expect(JSON.stringify(volumes)).toMatch(
        /\/srv\/runner:\/srv\/runner|"source":"\/srv\/runner","target":"\/srv\/runner"/,
      );
    });
  });
};

withPrograms(['docker-compose'], () => describeComposer('Docker Compose 1', ['docker-compose']));
// It comes as a plugin, which is not to be had wherever Docker is.
if (spawnSync('docker', ['compose', 'version']).status === 0)
  describeComposer('Docker Compose 2', ['docker', 'compose']);
