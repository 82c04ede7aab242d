import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Execution, Site } from '@foldline/kernel';
import type Docker from 'dockerode';
import type { NetworkInspectInfo } from 'dockerode';
import { executorContract, whenAsked, withRealServer } from '@foldline/testing';
import { openDocker } from './docker-client.ts';
import { createDockerExecutor } from './docker-executor.ts';

/** What somebody says to who connects to him; nothing where nobody is. */
const answerOf = (host: string, port: number): Promise<string> =>
  new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host, port, timeout: 1_000 });
    socket.on('data', (chunk) => (answer += chunk.toString())).on('close', () => resolve(answer));
    socket.on('timeout', () => socket.destroy()).on('error', () => undefined);
  });

/** The daemon cannot tell them of a container that is about to end, and says so once it has. */
const processesIn = async (container: Docker.Container): Promise<unknown[]> => {
  try {
    const { Processes } = await container.top();
    return (Processes as unknown[] | null) ?? [];
  } catch {
    await container.wait().catch(() => undefined);
    return [];
  }
};

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
      expect(await hog.finished).toMatchObject({ exitCode: 137, outOfMemory: true });
      expect(await (await start('exit 137')).finished).not.toHaveProperty('outOfMemory');
    });

    it('of memory in a child, which it gets over, is told when it fails in the end', async () => {
      const survivor = await start('tail /dev/zero > /dev/null || echo gone', 'exit 3');
      expect(await survivor.finished).toMatchObject({ exitCode: 3, outOfMemory: true });
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
      const { usage: _usage, ...end } = await (await start('true')).finished;
      expect([{ exitCode: 0 }, { signal: 'SIGKILL' }]).toContainEqual(end);
    });
  });

  describe('an image', () => {
    const open = (image: string, docker = openDocker(url), credentials?: string): Promise<Site> =>
      createDockerExecutor({ docker, directory, network: 'none', limits: { pids: 64 } }).open({
        attemptId: `image${process.pid}.${(attempts += 1)}.1`,
        workspace: mkdtempSync(join(directory, 'workspace-')),
        scratchDirectory: directory,
        container: { image, workspaceAt: '/builds/ada/engine', mounts: [], ...(credentials && { credentials }) },
      });

    it('that no registry answers for is told as one that could not be fetched', () =>
      expect(open('127.0.0.1:9/none:1')).rejects.toMatchObject({ reason: 'image_pull_failure' }));

    withRealServer('FOLDLINE_TEST_PRIVATE_REGISTRY', (address) => {
      const registry = address.split('@')[1]!;
      const as = (login: string): string =>
        JSON.stringify({ auths: { [registry]: { auth: Buffer.from(login).toString('base64') } } });
      it.each([
        ['nobody', undefined],
        ['somebody whom it does not know', as('ada:wrong')],
      ])('of a registry that asks who one is, for %s, is told as one that may not be read', (_who, credentials) =>
        expect(open(`${registry}/private:1`, undefined, credentials)).rejects.toMatchObject({
          reason: 'image_access_denied',
        }),
      );
      it('of a registry that lets one in and does not have it is told as that', () =>
        expect(open(`${registry}/none:1`, undefined, as(address.split('@')[0]!))).rejects.toMatchObject({
          reason: 'image_not_found',
        }));
    });

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
      const listening = await one.start({
        commands: ['hostname -i', `nc -ll -p 9000 -e echo from one`],
        environment: {},
        onOutput: (chunk) => void (address += chunk.toString()),
      });
      const ipIn = (): string | undefined => /^\d+\.\d+\.\d+\.\d+$/m.exec(address)?.[0];
      while (ipIn() === undefined) await new Promise(setImmediate);
      const get = `nc -w 2 ${ipIn()!} 9000 < /dev/null || echo out of reach`;
      // Their host reaches it.
      while ((await answerOf(ipIn()!, 9000)) !== 'from one\n') await new Promise(setImmediate);
      let answer = '';
      const reaching = await other.start({
        commands: [get],
        environment: {},
        onOutput: (chunk) => void (answer += chunk.toString()),
      });
      await reaching.finished;
      expect(answer).toMatch(/^out of reach$/m);
      listening.stop(0);
      await listening.finished;
      await Promise.all(opened.map((site) => site.close()));
      await executor.close();
    });
  });

  describe('an address where a cloud tells machines who they are', () => {
    const METADATA = '169.254.169.254';
    const network = `foldline-metadata-${process.pid}`;
    const server = createServer((_request, response) => response.end('keys of this machine'));
    beforeAll(async () => {
      execFileSync('ip', ['addr', 'add', `${METADATA}/32`, 'dev', 'lo']);
      server.listen(0, '0.0.0.0');
      await once(server, 'listening');
    });
    afterAll(async () => {
      server.close();
      execFileSync('ip', ['addr', 'del', `${METADATA}/32`, 'dev', 'lo']);
      await (await open.client()).getNetwork(network).remove();
    });

    it('is out of reach for jobs, and their host is not', async () => {
      const executor = createDockerExecutor({ docker: open, directory, network, limits: { pids: 64 } });
      const site = await executor.open({
        attemptId: `metadata${process.pid}.${(attempts += 1)}.1`,
        workspace: mkdtempSync(join(directory, 'workspace-')),
        scratchDirectory: directory,
        container: { image: 'foldline-test/busybox:1', workspaceAt: '/builds/ada/engine', mounts: [] },
      });
      const { port } = server.address() as AddressInfo;
      const fetched = async (host: string): Promise<string> => {
        let output = '';
        const commands = [`printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${host} ${port} || echo out of reach`];
        const onOutput = (chunk: Buffer): void => void (output += chunk.toString());
        await (
          await site.start({ commands, environment: {}, onOutput })
        ).finished;
        return output;
      };
      const { IPAM } = (await (await open.client()).getNetwork(network).inspect()) as NetworkInspectInfo;
      expect(await fetched(IPAM!.Config![0]!['Gateway']!)).toContain('keys of this machine');
      expect(await fetched(METADATA)).toContain('out of reach');
      await site.close();
      await executor.close();
    });
  });

  for (const image of ['foldline-test/debian:1', 'foldline-test/busybox:1'])
    executorContract(`docker, ${image}`, () => ({
      executor: createDockerExecutor({
        docker: open,
        // Of its own: what is on its way out of another executor's is not left of an earlier process.
        directory: mkdtempSync(join(directory, 'contract-')),
        network: 'none',
        limits: { pids: 512 },
      }),
      container: { image, workspaceAt: '/builds/ada/engine', mounts: [] },
      alive: async (attemptId) => {
        const docker = await open.client();
        const found = await docker.listContainers({ filters: { name: [`foldline-${attemptId}-`] } });
        const processes = await Promise.all(found.map(({ Id }) => processesIn(docker.getContainer(Id))));
        // The first one is the shell that waits for what to run; a container that has just ended has none.
        return processes.reduce((sum, { length }) => sum + Math.max(length - 1, 0), 0);
      },
    }));
};

whenAsked('FOLDLINE_TEST_CONTAINERS', () => withRealServer('FOLDLINE_TEST_DOCKER_HOST', suite));
