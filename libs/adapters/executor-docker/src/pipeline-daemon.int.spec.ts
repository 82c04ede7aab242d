import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type Docker from 'dockerode';
import type { ContainerSpec, Executor, ServiceSpec, Site } from '@foldline/kernel';
import { whenAsked, withRealServer } from '@foldline/testing';
import { openDocker } from './docker-client.ts';
import { createDockerExecutor, type DockerExecutorOptions } from './docker-executor.ts';
import { nameServersIn, nameServersOfHost } from './name-servers.ts';

/** Jobs run in it, too: it has Docker's client and busybox. */
const IMAGE = 'foldline-test/docker:dind';
const DIND: ServiceSpec = { image: IMAGE, aliases: [], environment: {} };
const BUSYBOX = 'foldline-test/busybox:1';
/** Makes an image of the job's own busybox, which needs no registry. */
const MAKES = (name: string): string =>
  'mkdir -p root/bin root/tmp && cp /bin/busybox root/bin/ && echo made > root/made && ' +
  'for each in sh cat sleep tail nc mkdir chmod printf kill; do ln -sf busybox root/bin/$each; done && ' +
  `tar -c -C root . | docker import -c 'ENV PATH=/bin' - ${name} > /dev/null`;

const suite = (url: string): void => {
  const host = openDocker(url);
  const root = mkdtempSync(join(tmpdir(), 'foldline-dind-'));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  let directory: string;
  let executor: Executor;
  let attempts = 0;
  let told: string[];
  const executorWith = (more: Partial<DockerExecutorOptions> = {}): Executor =>
    createDockerExecutor({
      docker: host,
      directory,
      network: 'none',
      limits: { pids: 512 },
      warm: { size: 2, idleMs: 60_000 },
      daemonForJobs: { idleMs: 600_000 },
      ...more,
    });
  beforeEach(() => {
    directory = mkdtempSync(join(root, 'data-'));
    executor = executorWith();
    told = [];
  });
  afterEach(() => executor.close());

  const open = (pipelineId: string, container: Partial<ContainerSpec> = {}, by = executor): Promise<Site> =>
    by.open({
      attemptId: `dind${process.pid}.${(attempts += 1)}.1`,
      pipelineId: `${pipelineId}-${process.pid}`,
      workspace: mkdtempSync(join(root, 'workspace-')),
      scratchDirectory: root,
      notices: { tell: (line) => void told.push(line), warn: (line) => void told.push(line) },
      container: { image: IMAGE, services: [DIND], workspaceAt: '/builds/ada/engine', mounts: [], ...container },
    });
  const outputOf = async (site: Site, ...commands: string[]): Promise<string> => {
    let output = '';
    const onOutput = (chunk: Buffer): void => void (output += chunk.toString());
    const step = await site.start({ commands, environment: {}, onOutput });
    const { exitCode } = await step.finished;
    const said = output.split('\n').filter((line) => line !== '' && !line.startsWith('\u001b'));
    if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${said.join('\n')}`);
    return said.join('\n');
  };
  /** What this executor has at the daemon of the host, and beside it. */
  const left = async (): Promise<object> => {
    const docker = await host.client();
    const instance = createHash('sha256').update(directory).digest('hex').slice(0, 16);
    const filters = { label: [`foldline.instance=${instance}`] };
    const [containers, networks, { Volumes }] = await Promise.all([
      docker.listContainers({ all: true, filters }),
      docker.listNetworks({ filters }),
      docker.listVolumes({ filters }),
    ]);
    const slots = join(directory, 'containers');
    const directories = existsSync(slots) ? readdirSync(slots).length : 0;
    return { containers: containers.length, networks: networks.length, volumes: Volumes.length, directories };
  };
  const NOTHING = { containers: 0, networks: 0, volumes: 0, directories: 0 };
  const untilLeft = async (what: object): Promise<void> => {
    while (!isDeepStrictEqual(await left(), what)) await delay(50);
  };
  const daemonOf = async (pipelineId: string): Promise<Docker.Container> => {
    const docker = await host.client();
    const filters = { name: [`foldline-${pipelineId}-${process.pid}-docker-`] };
    const [found] = await docker.listContainers({ filters });
    return docker.getContainer(found!.Id);
  };
  const isAtHost = async (image: string): Promise<boolean> =>
    (await host.client())
      .getImage(image)
      .inspect()
      .then(
        () => true,
        () => false,
      );

  describe('a pipeline’s own daemon', () => {
    it('is one for jobs that begin at the same time, and nothing of it is left', async () => {
      const sites = await Promise.all([open('same'), open('same')]);
      const [first, second] = await Promise.all(sites.map((site) => outputOf(site, "docker info -f '{{.ID}}'")));
      expect(first).toBe(second);
      expect(await left()).toEqual({ containers: 3, networks: 3, volumes: 1, directories: 3 });
      await Promise.all(sites.map((site) => site.close()));
      expect(await left()).toEqual({ containers: 1, networks: 1, volumes: 1, directories: 1 });
      await executor.close();
      expect(await left()).toEqual(NOTHING);
    });

    it('answers whoever its jobs run as, and has its containers ask names where the host does', async () => {
      const site = await open('users', { user: '1000:1000' });
      await outputOf(site, MAKES('own'));
      const asked = nameServersIn(await outputOf(site, 'docker run --rm own cat /etc/resolv.conf'));
      const ofHost = await nameServersOfHost();
      if (ofHost.length > 0) expect(asked).toEqual(ofHost);
      await site.close();
    });

    it('ends a while after the last job that had it or an image of it', async () => {
      const brief = executorWith({ daemonForJobs: { idleMs: 50 } });
      const maker = await open('brief', {}, brief);
      await outputOf(maker, MAKES('made:1'));
      const plain = await open('brief', { image: 'made:1', services: [] }, brief);
      const { id } = plain.images![0]!;
      await maker.close();
      expect(await outputOf(plain, 'sleep 1; cat /made')).toBe('made');
      expect(await isAtHost(id)).toBe(true);
      await plain.close();
      await untilLeft(NOTHING);
      expect(await isAtHost(id)).toBe(false);
    });

    it('that has ended by itself is replaced', async () => {
      const first = await open('dies');
      await (await daemonOf('dies')).kill();
      const second = await open('dies');
      expect(await outputOf(second, 'docker ps -q')).toBe('');
      expect(told.filter((line) => line.includes('has ended'))).toHaveLength(1);
      await Promise.all([first.close(), second.close()]);
      await untilLeft({ containers: 1, networks: 1, volumes: 1, directories: 1 });
    });

    it('that was started as another job defines it is told of', async () => {
      const first = await open('differs');
      const second = await open('differs', { services: [{ ...DIND, command: ['--mtu=1400'] }] });
      expect(told.filter((line) => line.includes('another command'))).toHaveLength(1);
      await Promise.all([first.close(), second.close()]);
    });

    it('whose runner was killed goes when the next process finds the host’s', async () => {
      await (await open('idle')).close();
      await untilLeft({ containers: 1, networks: 1, volumes: 1, directories: 1 });
      await executorWith().kinds();
      await untilLeft(NOTHING);
    });

    it('that does not start fails the job with what it said', async () => {
      const services = [{ ...DIND, command: ['--no-such-flag'] }];
      await expect(open('broken', { services })).rejects.toMatchObject({
        reason: 'docker_unavailable',
        message: expect.stringContaining('ended with exit code'),
      });
      expect(told.join('\n')).toMatch(/^\[docker\] .*no-such-flag/m);
      expect(await left()).toEqual(NOTHING);
    });

    it('has the bounds of the job that asked first, with all that it starts, and leaves no group', async () => {
      const site = await open('bound', { memoryBytes: 256 * 2 ** 20 });
      const { id } = await daemonOf('bound');
      await outputOf(site, MAKES('own'), 'docker run -d --name long own sleep 600');
      await expect(outputOf(site, 'docker run --rm own tail /dev/zero')).rejects.toThrow('exit code 137');
      expect(groupsOf(id)).toMatch(/docker\/\w{64}$/m);
      await site.close();
      await executor.close();
      expect(groupsOf(id)).toBe('');
    });
  });

  describe('an image that a pipeline has made', () => {
    it('is what later jobs and services of it run in, without a name at the host, until the daemon ends', async () => {
      const maker = await open('makes');
      await outputOf(maker, MAKES('made:1'));
      await maker.close();
      const plain = await open('makes', { image: 'made:1', services: [] });
      expect(await outputOf(plain, 'cat /made')).toBe('made');
      const service = {
        image: 'made:1',
        aliases: ['page'],
        environment: {},
        command: ['nc', '-l', '-p', '80', '-e', 'cat', '/made'],
      };
      const beside = await open('makes', { image: BUSYBOX, services: [service] });
      expect(await outputOf(beside, 'until nc page 80; do sleep 0.1; done')).toBe('made');
      const { id } = plain.images![0]!;
      expect((await (await host.client()).getImage(id).inspect()).RepoTags).toEqual([]);
      expect(await isAtHost('made:1')).toBe(false);
      await Promise.all([plain.close(), beside.close()]);
      await executor.close();
      expect(await isAtHost(id)).toBe(false);
      expect(await left()).toEqual(NOTHING);
    });

    it('is removed also where its last job ends with its runner', async () => {
      const maker = await open('ends');
      await outputOf(maker, MAKES('made:1'));
      await maker.close();
      const plain = await open('ends', { image: 'made:1', services: [] });
      const { id } = plain.images![0]!;
      await plain.close();
      await executor.close();
      expect(await isAtHost(id)).toBe(false);
    });

    it('is nobody else’s', async () => {
      const maker = await open('keeps');
      await outputOf(maker, MAKES('kept:1'));
      const other = await open('looks');
      expect(await outputOf(other, 'docker images -q')).toBe('');
      await expect(open('looks', { image: 'kept:1', pullPolicy: ['never'] })).rejects.toMatchObject({
        reason: 'image_not_found',
      });
      await Promise.all([maker.close(), other.close()]);
    });

    it('goes before that of the host and of a registry, unless the registry is to be asked', async () => {
      const maker = await open('order');
      await outputOf(maker, MAKES('127.0.0.1:9/own:latest'), `docker tag 127.0.0.1:9/own ${BUSYBOX}`);
      await maker.close();
      for (const image of ['127.0.0.1:9/own', BUSYBOX]) {
        const site = await open('order', { image, services: [] });
        expect(await outputOf(site, 'cat /made')).toBe('made');
        await site.close();
      }
      const open9 = (pullPolicy: ('always' | 'if-not-present')[]): Promise<Site> =>
        open('order', { image: '127.0.0.1:9/own', services: [], pullPolicy });
      await expect(open9(['always'])).rejects.toMatchObject({ reason: 'image_pull_failure' });
      await (await open9(['always', 'if-not-present'])).close();
    });

    it('is removed by the next process when its own was killed', async () => {
      const maker = await open('killed');
      await outputOf(maker, MAKES('orphan:1'));
      const user = await open('killed', { image: 'orphan:1', services: [] });
      const { id } = user.images![0]!;
      await executorWith().sweep('none');
      expect(await left()).toEqual(NOTHING);
      expect(await isAtHost(id)).toBe(false);
    });
  });
};

/** Of a container, in all of the host. */
const groupsOf = (container: string): string =>
  execFileSync('find', ['/sys/fs/cgroup', '-type', 'd', '-path', `*${container}*`], { encoding: 'utf8' }).trim();

whenAsked('FOLDLINE_TEST_CONTAINERS', () => withRealServer('FOLDLINE_TEST_DOCKER_HOST', suite));
