import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '@foldline/contracts';
import { PROJECT, Sandbox, START_MS, startServerProcess, until } from '@foldline/client';
import { absent } from '@foldline/testing';
import { Reaches } from './reaches.ts';
import { run, type Ended } from './run-cli.ts';

const VERIFY = [process.execPath, 'apps/cli/dist/main.js', 'replay', '--verify'];
const DEFINITION = `stages: [build, deploy]
build:
  stage: build
  script: touch came && echo built > a.txt
  artifacts: {paths: [a.txt]}
  cache: {paths: [a.txt]}
bad:
  stage: build
  script: "false"
  allow_failure: true
deploy:
  stage: deploy
  script: cat a.txt
  environment: {name: production, url: "https://production.example.com"}
`;

let sandbox: Sandbox;
let outside: Server;
let told = 0;
let pipelineId: string;

type Notification = { status: string };
const eventsOf = async (client: Sandbox['client']): Promise<RecordedEvent[]> =>
  (await client.get<{ items: RecordedEvent[] }>('/api/v1/events?limit=1000')).items;
const notRunners = ({ stream }: RecordedEvent): boolean => !stream.startsWith('runner-');
const shown = (client: Sandbox['client']): Promise<unknown[]> =>
  Promise.all(
    [`pipelines/${pipelineId}`, 'jobs', 'deployments', 'environments', 'notifications', 'subscriptions'].map((path) =>
      client.get(`/api/${PROJECT}/${path}`),
    ),
  );

/** Runs a suite where a program can be given a network of its own in which there is nothing, not even the loopback. */
const withoutNetwork = (suite: () => void): void => {
  if (spawnSync('unshare', ['--net', 'true'], { stdio: 'ignore' }).status === 0) return suite();
  const problem = 'needs the right to make network namespaces: root';
  absent('a network of nothing', { hint: problem, problem });
};

/** What a rebuild could do again: a message to a receiver, a deployment, a job with log, artifact and cache. */
beforeAll(async () => {
  outside = createServer((request, response) => {
    told += 1;
    request.resume().on('end', () => response.writeHead(204).end());
  }).listen(0, '127.0.0.1');
  await once(outside, 'listening');
  sandbox = await Sandbox.start({ FOLDLINE_ALLOW_PRIVATE_TARGETS: 'true' }, {}, { topology: 'standalone' });
  const url = `http://127.0.0.1:${(outside.address() as AddressInfo).port}`;
  await sandbox.client.post(`/api/${PROJECT}/subscriptions`, { kind: 'webhook', url });
  pipelineId = (await sandbox.run(DEFINITION)).id;
  await sandbox.rested(pipelineId, ({ jobs }) => jobs.every((job) => 'log' in job));
  await until('the notification and the environment', async () => {
    const [notifications, environments] = await Promise.all(
      ['notifications', 'environments'].map((list) =>
        sandbox.client.get<{ items: (Notification & { current?: unknown })[] }>(`/api/${PROJECT}/${list}`),
      ),
    );
    return notifications!.items[0]?.status === 'delivered' && environments!.items[0]?.current !== undefined;
  });
}, START_MS);
afterAll(async () => {
  outside.close();
  rmSync(sandbox.directory, { recursive: true, force: true });
}, START_MS);

describe('I12: a rebuild reaches nothing outside', () => {
  let before: unknown[];
  let history: RecordedEvent[];
  const copy = (name: string): string => join(sandbox.directory, name);
  const reachesOf = (name: string): Reaches => new Reaches(join(sandbox.directory, `${name}.jsonl`));

  beforeAll(async () => {
    before = await shown(sandbox.client);
    history = await eventsOf(sandbox.client);
    await sandbox.server.stop();
    for (const name of ['verified', 'rebuilt'])
      cpSync(sandbox.server.dataDirectory, copy(name), {
        recursive: true,
        filter: (path) => path !== join(sandbox.server.dataDirectory, 'runners'),
      });
    expect(told).toBe(1);
  }, START_MS);

  it('foldline replay --verify connects to nothing, looks no name up and starts no program', async () => {
    const reaches = reachesOf('verified');
    const [program, ...args] = VERIFY;
    const { code, stdout } = await run(program!, args, copy('verified'), reaches.environment);
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('equal to the live ones') });
    expect(reaches.all).toEqual([]);
  });

  withoutNetwork(() => {
    it('foldline replay --verify needs no network, not even that of its own machine', async () => {
      const verified: Ended = await run('unshare', ['--net', ...VERIFY], copy('verified'));
      expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('equal to the live ones') });
    });
  });

  it('a server whose read models are gone folds them again: nobody is told, no job runs, no repository is fetched', async () => {
    const reaches = reachesOf('rebuilt');
    for (const directory of ['read-models', 'repos']) rmSync(join(copy('rebuilt'), directory), { recursive: true });
    const settings = { FOLDLINE_ALLOW_PRIVATE_TARGETS: 'true', ...reaches.environment };
    const server = await startServerProcess(copy('rebuilt'), settings);
    try {
      expect(await shown(server.client)).toEqual(before);
      const events = await eventsOf(server.client);
      expect(events.slice(0, history.length)).toEqual(history);
      expect(events.slice(history.length).filter(notRunners)).toEqual([]);
    } finally {
      await server.stop();
    }
    const { started, others } = partsOf(reaches);
    // The two programs that are part of every server, and wait for work.
    expect(started.filter((command) => !/ \S*\/(?:spawner|compile)-child\.js\b/.test(command))).toEqual([]);
    expect(others).toEqual([]);
    expect(told).toBe(1);
  });

  it('is recorded in a way that would show it', async () => {
    const reaches = reachesOf('shown');
    const script = `import('node:child_process').then(({ spawn }) => spawn('true')); fetch('http://127.0.0.1:54321').catch(() => undefined);`;
    await run(process.execPath, ['--input-type=module', '--eval', script], sandbox.directory, reaches.environment);
    expect(reaches.all.toSorted((a, b) => (a.what < b.what ? -1 : 1))).toEqual([
      { what: 'connect', detail: '127.0.0.1:54321' },
      { what: 'start', detail: 'true' },
    ]);
  });
});

const partsOf = ({ all }: Reaches): { started: string[]; others: unknown[] } => ({
  started: all.filter(({ what }) => what === 'start').map(({ detail }) => detail),
  others: all.filter(({ what }) => what !== 'start'),
});
