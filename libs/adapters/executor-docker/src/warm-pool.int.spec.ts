import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ContainerSpec, Executor, Site } from '@foldline/kernel';
import { whenAsked, withRealServer } from '@foldline/testing';
import { openDocker } from './docker-client.ts';
import { createDockerExecutor, type DockerExecutorOptions } from './docker-executor.ts';
import { madeImages } from './made-images.fixture.ts';

const BUSYBOX = 'foldline-test/busybox:1';

const suite = (url: string): void => {
  const daemon = openDocker(url);
  const images = madeImages(daemon.client);
  let directory: string;
  let executor: Executor;
  let attempts = 0;
  const executorWith = (more: Partial<DockerExecutorOptions> = {}): Executor =>
    createDockerExecutor({
      docker: daemon,
      directory,
      network: 'none',
      limits: { pids: 64 },
      warm: { size: 2, idleMs: 60_000 },
      ...more,
    });
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-warm-'));
    executor = executorWith();
  });
  afterEach(async () => {
    await executor.close();
    rmSync(directory, { recursive: true, force: true });
  });
  afterAll(() => images.remove());

  const open = (container: Partial<ContainerSpec> = {}): Promise<Site> =>
    executor.open({
      attemptId: `warm${process.pid}.${(attempts += 1)}.1`,
      workspace: mkdtempSync(join(directory, 'workspace-')),
      scratchDirectory: directory,
      container: { image: BUSYBOX, workspaceAt: '/builds/ada/engine', mounts: [], ...container },
    });
  const outputOf = async (site: Site, command: string): Promise<string> => {
    let output = '';
    const onOutput = (chunk: Buffer): void => void (output += chunk.toString());
    await (
      await site.start({ commands: [command], environment: {}, onOutput })
    ).finished;
    return output.split('\n')[1]!;
  };
  const idOf = (site: Site): Promise<string> => outputOf(site, 'hostname');
  /** Those of the executor that wait, or whose job has not ended. */
  const running = async (): Promise<string[]> => {
    const docker = await daemon.client();
    const found = await docker.listContainers();
    const isOfExecutor = ({ Source }: { Source: string }): boolean => Source.startsWith(directory);
    return found.filter(({ Mounts }) => Mounts.some(isOfExecutor)).map(({ Id }) => Id);
  };
  const untilThereAre = async (count: number): Promise<string[]> => {
    for (let found = await running(); ; found = await running()) if (found.length === count) return found;
  };
  /** The job that finds one ready. */
  const firstWarm = async (container: Partial<ContainerSpec> = {}): Promise<Site> => {
    for (let site = await open(container); ; site = await open(container)) {
      if (site.isWarm) return site;
      await site.close();
    }
  };

  describe('a container that waits for a job', () => {
    it('is there after a job has used its image, and is used once', async () => {
      const first = await open();
      expect(first.isWarm).toBe(false);
      await first.close();
      const seen: string[] = [];
      for (const _ of [1, 2, 3]) {
        const site = await firstWarm();
        seen.push(await idOf(site));
        await site.close();
      }
      expect(new Set(seen).size).toBe(3);
    });

    it('shows the job its own files, and gives them back', async () => {
      await (await firstWarm()).close();
      const workspace = mkdtempSync(join(directory, 'workspace-'));
      const spec = { image: BUSYBOX, workspaceAt: '/builds/ada/engine', mounts: [] };
      const attemptId = `warm${process.pid}.${(attempts += 1)}.1`;
      const site = await executor.open({ attemptId, workspace, scratchDirectory: directory, container: spec });
      expect(await outputOf(site, 'pwd && touch made')).toBe('/builds/ada/engine');
      await site.close();
      expect(readdirSync(workspace)).toEqual(['made']);
    });

    it.each<[string, () => Promise<Partial<ContainerSpec>>]>([
      ['image', async () => ({ image: await images.like('other', 'ENV OTHER=1') })],
      ['user', async () => ({ user: '1001' })],
      ['entrypoint', async () => ({ entrypoint: [''] })],
      ['memory', async () => ({ memoryBytes: 64 * 1024 * 1024 })],
      ['processor', async () => ({ cpus: 0.5 })],
    ])('is not for a job of another %s', async (_what, other) => {
      await (await firstWarm()).close();
      const site = await open(await other());
      expect(site.isWarm).toBe(false);
      await site.close();
    });

    it('is not for a job whose image has another content under the same name', async () => {
      const image = await images.like('moves', 'ENV CONTENT=1');
      const first = await open({ image });
      await first.close();
      await images.like('moves', 'ENV CONTENT=2');
      const site = await open({ image });
      expect(site.isWarm).toBe(false);
      expect(await outputOf(site, 'echo $CONTENT')).toBe('2');
      await site.close();
    });

    it('is as good for a job that was expected, however many were', async () => {
      const expected = async (): Promise<Site> => {
        for (let other = 0; other < 3; other += 1) executor.expect!(`other${process.pid}.${other}.1`, BUSYBOX);
        executor.expect!(`warm${process.pid}.${attempts + 1}.1`, BUSYBOX);
        executor.expect!(`other${process.pid}.9.1`, 'not-here:$TAG');
        return open();
      };
      let site = await expected();
      while (!site.isWarm) {
        await site.close();
        site = await expected();
      }
      expect(await outputOf(site, 'echo it runs')).toBe('it runs');
      await site.close();
    });

    it('is there for the first job of an image that is kept ready, however long it takes to come', async () => {
      executor = executorWith({ warm: { size: 1, idleMs: 1, images: [BUSYBOX] } });
      await executor.kinds();
      const [kept] = await untilThereAre(1);
      const site = await open();
      expect([site.isWarm, kept!.startsWith(await idOf(site))]).toEqual([true, true]);
      await site.close();
    });

    it('is made way for by others, unless its image is kept ready', async () => {
      executor = executorWith({ warm: { size: 1, idleMs: 60_000, images: [BUSYBOX] } });
      await executor.kinds();
      const [kept] = await untilThereAre(1);
      await (await open({ user: '1001' })).close();
      while ((await running()).length !== 1) await executor.kinds();
      expect(await running()).toEqual([kept]);
    });

    it('goes when nobody has asked for it for long enough', async () => {
      executor = executorWith({ warm: { size: 2, idleMs: 200 } });
      const first = await open();
      await first.close();
      await untilThereAre(0);
    });

    it('makes room for others when there are enough', async () => {
      executor = executorWith({ warm: { size: 1, idleMs: 60_000 } });
      await (await firstWarm()).close();
      await (await firstWarm({ user: '1001' })).close();
      await untilThereAre(1);
    });

    it('goes with its runner', async () => {
      await (await firstWarm()).close();
      await executor.close();
      expect(await running()).toEqual([]);
      expect(readdirSync(join(directory, 'containers'))).toEqual([]);
    });

    it('that has died is not given to a job', async () => {
      const first = await open();
      const used = await running();
      await first.close();
      const docker = await daemon.client();
      let waiting: string | undefined;
      while (waiting === undefined) waiting = (await running()).find((id) => !used.includes(id));
      await docker.getContainer(waiting).kill();
      const site = await open();
      expect(await outputOf(site, 'echo runs')).toBe('runs');
      expect(site.isWarm).toBe(false);
      await site.close();
    });
  });
};

whenAsked('FOLDLINE_TEST_CONTAINERS', () => withRealServer('FOLDLINE_TEST_DOCKER_HOST', suite));
