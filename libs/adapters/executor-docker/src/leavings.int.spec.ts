import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type Docker from 'dockerode';
import type { Executor, ServiceSpec, Site } from '@foldline/kernel';
import { whenAsked, withRealServer } from '@foldline/testing';
import { openDocker, type DockerDaemon } from './docker-client.ts';
import { createDockerExecutor } from './docker-executor.ts';

const BUSYBOX = 'foldline-test/busybox:1';
const SERVICE: ServiceSpec = { image: BUSYBOX, aliases: [], environment: {}, command: ['sleep', '600'] };

type Dialled = { path: string; options?: object };
type Modem = { dial: (options: Dialled, callback: (error: Error | null, answer?: unknown) => void) => void };

/** A daemon that goes away when it is asked for something, having done it or not, and comes back when it is told to. */
class Passing implements DockerDaemon {
  isGone = false;
  goesAt: { path: RegExp; isDone: boolean } | undefined;
  #opened: Promise<Docker> | undefined;

  constructor(private readonly real: DockerDaemon) {}

  answers = async (): Promise<boolean> => !this.isGone;

  client = (): Promise<Docker> =>
    (this.#opened ??= this.real.client().then((docker) => {
      const modem = docker.modem as unknown as Modem;
      const dial = modem.dial.bind(modem);
      const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      modem.dial = (options, callback) => {
        const asked = options.path + JSON.stringify(options.options ?? {});
        const goes = this.goesAt?.path.test(asked) ? this.goesAt : undefined;
        if (goes) this.isGone = true;
        if (goes?.isDone) return dial(options, () => callback(refused));
        return this.isGone ? callback(refused) : dial(options, callback);
      };
      return docker;
    }));
}

const suite = (url: string): void => {
  const root = mkdtempSync(join(tmpdir(), 'foldline-left-'));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  let directory: string;
  let daemon: Passing;
  let executor: Executor;
  let attempts = 0;
  beforeEach(() => {
    directory = mkdtempSync(join(root, 'data-'));
    daemon = new Passing(openDocker(url));
    executor = createDockerExecutor({
      docker: daemon,
      directory,
      network: 'none',
      limits: { pids: 64 },
      warm: { size: 1, idleMs: 60_000 },
    });
  });
  afterEach(() => executor.close());

  const open = (services: ServiceSpec[]): Promise<Site> =>
    executor.open({
      attemptId: `left${process.pid}.${(attempts += 1)}.1`,
      workspace: mkdtempSync(join(root, 'workspace-')),
      scratchDirectory: root,
      container: { image: BUSYBOX, workspaceAt: '/builds/ada/engine', mounts: [], services },
    });
  const left = async (): Promise<number[]> => {
    const docker = await openDocker(url).client();
    const instance = createHash('sha256').update(directory).digest('hex').slice(0, 16);
    const filters = { label: [`foldline.instance=${instance}`] };
    const found = await Promise.all([docker.listContainers({ all: true, filters }), docker.listNetworks({ filters })]);
    return found.map(({ length }) => length);
  };
  const untilLeft = async (containers: number, networks: number): Promise<void> => {
    for (;;) {
      await executor.kinds();
      const [ofContainers, ofNetworks] = await left();
      if (ofContainers === containers && ofNetworks === networks) return;
      await delay(50);
    }
  };
  const isBack = (): void => {
    daemon.isGone = false;
    daemon.goesAt = undefined;
  };

  describe('a daemon that goes and comes back', () => {
    it.each([
      ['a network', /\/networks\/create/, true],
      ['a service', /\/containers\/create.*service/, true],
      ['the container of a job', /\/containers\/create(?!.*service)/, true],
      ['a container that was to be started', /\/start/, false],
    ])('keeps nothing of what it was making: %s', async (_what, path, isDone) => {
      daemon.goesAt = { path, isDone };
      await expect(open([SERVICE])).rejects.toMatchObject({ reason: 'docker_unavailable' });
      expect(await left()).not.toEqual([0, 0]);
      isBack();
      await untilLeft(0, 0);
    });

    it('leaves alone what is still being made, and what jobs have', async () => {
      const kept = await open([SERVICE]);
      daemon.goesAt = { path: /\/start/, isDone: false };
      await expect(open([])).rejects.toMatchObject({ reason: 'docker_unavailable' });
      isBack();
      const slow = open([SERVICE]);
      await untilLeft(4, 2);
      await (await slow).close();
      await untilLeft(2, 1);
      await kept.close();
      expect(await left()).toEqual([0, 0]);
    });

    it('before a job with services has ended takes nothing of its result, and removes them when it is back', async () => {
      const site = await open([SERVICE]);
      daemon.isGone = true;
      await site.close();
      isBack();
      await untilLeft(0, 0);
    });
  });
};

whenAsked('FOLDLINE_TEST_CONTAINERS', () => withRealServer('FOLDLINE_TEST_DOCKER_HOST', suite));
