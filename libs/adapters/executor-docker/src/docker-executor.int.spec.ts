import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Execution, Site } from '@foldline/kernel';
import { executorContract, whenAsked, withRealServer } from '@foldline/testing';
import { openDocker } from './docker-client.ts';
import { createDockerExecutor } from './docker-executor.ts';

const suite = (url: string): void => {
  const open = openDocker(url);
  let attempts = 0;
  const directory = mkdtempSync(join(tmpdir(), 'foldline-docker-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  describe('a job that takes more than its share', () => {
    let root: string;
    let site: Site;
    beforeEach(async () => {
      root = mkdtempSync(join(tmpdir(), 'foldline-docker-'));
      const executor = createDockerExecutor({ docker: open, directory, network: 'none', limits: { pids: 64 } });
      const attemptId = `share${process.pid}.${(attempts += 1)}.1`;
      site = await executor.open({
        attemptId,
        workspace: root,
        scratchDirectory: root,
        container: {
          image: 'foldline-test/debian:1',
          workspaceAt: '/builds/ada/engine',
          mounts: [],
          cpus: 1,
          memoryBytes: 2 ** 26,
        },
      });
    });
    afterEach(async () => {
      await site.close();
      rmSync(root, { recursive: true, force: true });
    });
    const start = (...commands: string[]): Promise<Execution> =>
      site.start({ commands, environment: {}, onOutput: () => undefined });

    it('of memory is ended, and that is told from an exit with the same code', async () => {
      const hog = await start('head -c 200m /dev/zero | tail > /dev/null');
      expect(await hog.finished).toEqual({ exitCode: 137, outOfMemory: true });
      expect(await (await start('exit 137')).finished).toEqual({ exitCode: 137 });
    });

    it('of memory in a child, which it gets over, is told when it fails in the end', async () => {
      const survivor = await start('tail /dev/zero > /dev/null || echo gone', 'exit 3');
      expect(await survivor.finished).toEqual({ exitCode: 3, outOfMemory: true });
    });

    it('keeps no connection to the daemon open when it was stopped', async () => {
      const open = (): number => process.getActiveResourcesInfo().filter((name) => name === 'PipeWrap').length;
      const before = open();
      const long = await start('sleep 600');
      long.stop(0);
      await long.finished;
      // The socket of an answer that nobody waits for closes a moment after it.
      while (open() > before) await new Promise(setImmediate);
      expect(open()).toBeLessThanOrEqual(before);
    });

    it('of processes is contained and ended, with its container where there is no place for who would end it', async () => {
      const bomb = await start('bomb() { bomb | bomb & }', 'bomb', 'sleep 600');
      bomb.stop(0);
      await bomb.finished;
      expect([{ exitCode: 0 }, { signal: 'SIGKILL' }]).toContainEqual(await (await start('true')).finished);
    });
  });

  describe('an image', () => {
    const open = (image: string, docker = openDocker(url)): Promise<Site> =>
      createDockerExecutor({ docker, directory, network: 'none', limits: { pids: 64 } }).open({
        attemptId: `image${process.pid}.${(attempts += 1)}.1`,
        workspace: mkdtempSync(join(directory, 'workspace-')),
        scratchDirectory: directory,
        container: { image, workspaceAt: '/builds/ada/engine', mounts: [] },
      });

    it('that no registry answers for is told as one that could not be fetched', () =>
      expect(open('127.0.0.1:9/none:1')).rejects.toMatchObject({ reason: 'image_pull_failure' }));

    it('that can have no such name is refused', () => expect(open('UPPER:1')).rejects.toThrow(/UPPER/));

    it('of a daemon that is not there is told as that', () =>
      expect(open('none:1', openDocker('unix:///nowhere/docker.sock'))).rejects.toMatchObject({
        reason: 'docker_unavailable',
      }));
  });

  describe('the network of jobs', () => {
    const network = `foldline-spec-${process.pid}`;
    afterAll(async () => (await open.client()).getNetwork(network).remove());

    it('is made where it is not there, and jobs in it do not reach each other', async () => {
      const executor = createDockerExecutor({ docker: open, directory, network, limits: { pids: 64 } });
      const opened = await Promise.all(
        [1, 2].map(() =>
          executor.open({
            attemptId: `network${process.pid}.${(attempts += 1)}.1`,
            workspace: mkdtempSync(join(directory, 'workspace-')),
            scratchDirectory: directory,
            container: { image: 'foldline-test/busybox:1', workspaceAt: '/builds/ada/engine', mounts: [] },
          }),
        ),
      );
      const [one, other] = opened as [Site, Site];
      let address = '';
      const told = await one.start({
        commands: ['hostname -i'],
        environment: {},
        onOutput: (chunk) => void (address += chunk.toString()),
      });
      await told.finished;
      const [ip] = /\d+\.\d+\.\d+\.\d+/.exec(address)!;
      const reaching = await other.start({
        commands: [`ping -c 1 -W 1 ${ip}`],
        environment: {},
        onOutput: () => undefined,
      });
      expect((await reaching.finished).exitCode).not.toBe(0);
      await Promise.all(opened.map((site) => site.close()));
      await executor.close();
    });
  });

  for (const image of ['foldline-test/debian:1', 'foldline-test/busybox:1'])
    executorContract(`docker, ${image}`, () => ({
      executor: createDockerExecutor({ docker: open, directory, network: 'none', limits: { pids: 512 } }),
      container: { image, workspaceAt: '/builds/ada/engine', mounts: [] },
      alive: async (attemptId) => {
        const docker = await open.client();
        const found = await docker.listContainers({ filters: { name: [`foldline-${attemptId}-`] } });
        const tops = await Promise.all(found.map(({ Id }) => docker.getContainer(Id).top()));
        // The first one is the shell that waits for what to run; a container that has just ended has none.
        return tops.reduce((sum, { Processes }) => sum + ((Processes as unknown[] | null) ?? [null]).length - 1, 0);
      },
    }));
};

whenAsked('FOLDLINE_TEST_CONTAINERS', () => withRealServer('FOLDLINE_TEST_DOCKER_HOST', suite));
