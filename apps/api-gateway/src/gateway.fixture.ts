import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { NewEvent, RecordedEvent } from '@foldline/contracts';
import { openEmbeddedPorts } from '@foldline/host';
import type { Logger, Ports, Settings } from '@foldline/kernel';
import { copiesOf } from '@foldline/testing';
import supertest from 'supertest';
import { createGateway } from './create-gateway.ts';
import { READ_MODELS } from '@foldline/read-models';

export const TOKEN = 'a-token-for-the-specs';
export const WEBHOOK_SECRET = 'a-secret-of-the-forge';

export type Logged = { level: keyof Logger; fields: Record<string, unknown>; message: string };

const loggerInto = (lines: Logged[]): Logger => {
  const at = (level: keyof Logger) => (fields: object, message: string) => {
    lines.push({ level, fields: { ...fields }, message });
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
};

type Agent = ReturnType<typeof supertest>;
export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

export type Gateway = {
  app: NestFastifyApplication;
  ports: Ports;
  /** What the gateway has written to its log. */
  logged: readonly Logged[];
  port: number;
  /** A git repository with one commit on `main`, and a second on `develop`. */
  repository: { url: string; main: string; develop: string };
  anonymous: Agent;
  /** A request with the admin token. */
  as: (method: Method, path: string) => supertest.Test;
  /** Appends as the service that owns the stream would, and waits until documents show it. */
  record: (stream: string, correlationId: string, ...events: NewEvent[]) => Promise<RecordedEvent[]>;
  close: () => Promise<void>;
};

export type StartedGateway = Gateway & { directory: string };

const git = (directory: string, ...args: string[]): string =>
  execFileSync('git', ['-C', directory, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], {
    encoding: 'utf8',
  }).trim();

const copyRepository = copiesOf((directory) => {
  execFileSync('git', ['init', '--quiet', '--initial-branch=main', directory]);
  const commit = (content: string): string => {
    writeFileSync(join(directory, '.codara-ci.yml'), content);
    git(directory, 'add', '.');
    git(directory, 'commit', '--quiet', '-m', content);
    return git(directory, 'rev-parse', 'HEAD');
  };
  const main = commit('build: {script: [make]}');
  git(directory, 'checkout', '--quiet', '-b', 'develop');
  const develop = commit('build: {script: [make all]}');
  git(directory, 'checkout', '--quiet', 'main');
  return { main, develop };
});

const settingsIn = (dataDirectory: string): Settings => ({
  mode: 'standalone',
  host: '127.0.0.1',
  port: 0,
  dataDirectory,
  logLevel: 'silent',
  adminToken: TOKEN,
  webhookSecret: WEBHOOK_SECRET,
  runners: [],
  highPowerOwners: [],
  runnerLeaseMs: 180_000,
  queueLimit: { total: 5, perProject: 3 },
  queueRules: { priorityMs: 300_000, runningMs: 60_000, projectLimit: Infinity },
  layers: { mounts: true, diskBytes: 2 ** 30 },
  retention: {
    cacheMs: 30 * 86_400_000,
    snapshotMs: 7 * 86_400_000,
    submittedLogMs: 7 * 86_400_000,
    diskReserveBytes: 0,
  },
  allowPrivateTargets: false,
  includeHosts: [],
  buildWorkers: 2,
  buildLogDirectory: join(dataDirectory, 'build-logs'),
  version: '0.1.0',
});

/** A gateway on real embedded adapters, listening on a free port of this host. */
export const startGateway = async (
  existing?: string,
  beforeListening: (app: NestFastifyApplication) => void = () => {},
): Promise<StartedGateway> => {
  const directory = existing ?? mkdtempSync(join(tmpdir(), 'gateway-'));
  const url = join(directory, 'repository');
  const commits = existing ? { main: '', develop: '' } : copyRepository(url);
  const { ports: opened, close } = await openEmbeddedPorts(settingsIn(join(directory, 'data')), READ_MODELS);
  const logged: Logged[] = [];
  const ports = { ...opened, logger: loggerInto(logged) };
  const { app } = await createGateway(ports);
  beforeListening(app);
  await app.listen(0, '127.0.0.1');
  const server = app.getHttpServer() as { address: () => AddressInfo };
  const { port } = server.address();
  const anonymous = supertest(`http://127.0.0.1:${port}`);

  const record: Gateway['record'] = async (stream, correlationId, ...events) => {
    const revision = (await ports.eventStore.readStream(stream)).at(-1)?.revision ?? -1;
    const prepared = events.map((event, n) => ({
      ...event,
      id: `${stream}-${revision + 1 + n}`,
      causationId: 'spec',
      correlationId,
      actor: { kind: 'system' as const, id: 'spec' },
    }));
    const appended = await ports.eventStore.append(stream, prepared, revision);
    await ports.readModels.reached(appended.position, 5000);
    return appended.events;
  };
  return {
    directory,
    app,
    ports,
    logged,
    port,
    repository: { url, ...commits },
    anonymous,
    as: (method, path) => anonymous[method](path).set('Authorization', `Bearer ${TOKEN}`),
    record,
    close: async () => {
      await app.close();
      await close();
    },
  };
};

/** With `ada/engine`, which is the repository of the fixture. */
export const startGatewayWithProject = async (): Promise<StartedGateway> => {
  const gateway = await startGateway();
  const project = { owner: 'ada', name: 'engine', url: gateway.repository.url };
  await gateway.as('post', '/api/v1/projects').send(project).expect(201);
  return gateway;
};

export const closeAndRemove = async ({ close, directory }: StartedGateway): Promise<void> => {
  await close();
  removeDirectory(directory);
};

export const removeDirectory = (directory: string): void => rmSync(directory, { recursive: true, force: true });
