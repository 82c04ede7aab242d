import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Docker from 'dockerode';
import type { Execution, Site } from '@foldline/kernel';
import { executorContract, withRealServer } from '@foldline/testing';
import { LABEL } from './container-options.ts';
import { createDockerExecutor } from './docker-executor.ts';

withRealServer('FOLDLINE_TEST_DOCKER_HOST', (url) => {
  const docker = new Docker({ socketPath: new URL(url).pathname });
  let attempts = 0;
  const directory = mkdtempSync(join(tmpdir(), 'foldline-docker-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  describe('a job that takes more than its share', () => {
    let root: string;
    let site: Site;
    beforeEach(async () => {
      root = mkdtempSync(join(tmpdir(), 'foldline-docker-'));
      const limits = { pids: 64, memoryMb: 64, cpus: 1 };
      const executor = createDockerExecutor({ docker, directory, network: 'none', limits });
      const attemptId = `share${process.pid}.${(attempts += 1)}.1`;
      site = await executor.open({
        attemptId,
        workspace: root,
        scratchDirectory: root,
        container: { image: 'foldline-test/debian:1', workspaceAt: '/builds', mounts: [] },
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

    it('of processes is contained and ended, and the next step runs', async () => {
      const bomb = await start('bomb() { bomb | bomb & }', 'bomb', 'sleep 600');
      bomb.stop(0);
      await bomb.finished;
      expect(await (await start('true')).finished).toEqual({ exitCode: 0 });
    });
  });

  for (const image of ['foldline-test/debian:1', 'foldline-test/busybox:1'])
    executorContract(`docker, ${image}`, () => ({
      executor: createDockerExecutor({ docker, directory, network: 'none', limits: { pids: 512 } }),
      container: { image, workspaceAt: '/builds', mounts: [] },
      alive: async (attemptId) => {
        const found = await docker.listContainers({ filters: { label: [`${LABEL.attempt}=${attemptId}`] } });
        const tops = await Promise.all(found.map(({ Id }) => docker.getContainer(Id).top()));
        // The first one is the shell that waits for what to run.
        return tops.reduce((sum, { Processes }) => sum + (Processes as unknown[]).length - 1, 0);
      },
    }));
});
