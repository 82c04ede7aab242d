import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ContainerSpec, Executor, ServiceSpec, Site } from '@foldline/kernel';
import { whenAsked, withRealServer } from '@foldline/testing';
import { openDocker } from './docker-client.ts';
import { createDockerExecutor, type DockerExecutorOptions } from './docker-executor.ts';
import { madeImages } from './made-images.fixture.ts';

const BUSYBOX = 'foldline-test/busybox:1';
const SERVE = 'mkdir /www; echo "served to $WHOM" > /www/index.html; exec httpd -f -p 8080 -h /www';

const suite = (url: string): void => {
  const daemon = openDocker(url);
  const images = madeImages(daemon.client);
  const directory = mkdtempSync(join(tmpdir(), 'foldline-docker-'));
  const network = `foldline-spec-${process.pid}`;
  let workspace: string;
  let attempts = 0;
  let attemptId: string;
  let told: string[];
  const newAttempt = (): void => {
    workspace = mkdtempSync(join(directory, 'workspace-'));
    attemptId = `services${process.pid}.${(attempts += 1)}.1`;
    told = [];
  };
  beforeEach(newAttempt);
  afterAll(async () => {
    await executor.close();
    await (await daemon.client()).getNetwork(network).remove();
    await images.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  const executorWith = (more: Partial<DockerExecutorOptions> = {}): Executor =>
    createDockerExecutor({
      docker: daemon,
      directory,
      network,
      limits: { pids: 64 },
      ...more,
    });
  const executor = executorWith();
  const open = (container: Partial<ContainerSpec>, by = executor): Promise<Site> =>
    by.open({
      attemptId,
      workspace,
      scratchDirectory: workspace,
      notices: { tell: (line) => void told.push(line), warn: (line) => void told.push(`WARNING: ${line}`) },
      container: { image: BUSYBOX, workspaceAt: '/builds/ada/engine', mounts: [], ...container },
    });
  const outputOf = async (site: Site, ...commands: string[]): Promise<string> => {
    let output = '';
    const step = { commands, environment: {}, onOutput: (chunk: Buffer) => void (output += chunk.toString()) };
    await (
      await site.start(step)
    ).finished;
    // What is run is shown before what it says.
    return output
      .split('\n')
      .filter((line) => !line.startsWith('\u001b'))
      .join('\n');
  };
  const service = (spec: Partial<ServiceSpec>): ServiceSpec => ({
    image: BUSYBOX,
    aliases: [],
    environment: {},
    ...spec,
  });
  const leftOf = async (): Promise<{ containers: number; networks: number }> => {
    const docker = await daemon.client();
    const filters = { name: [`foldline-${attemptId}-`] };
    const [containers, networks] = await Promise.all([
      docker.listContainers({ all: true, filters }),
      docker.listNetworks({ filters }),
    ]);
    return { containers: containers.length, networks: networks.length };
  };

  describe('a job with services', () => {
    let web: string;
    beforeAll(async () => {
      web = await images.like('web', 'EXPOSE 8080', `CMD ["sh", "-c", ${JSON.stringify(`sleep 1; ${SERVE}`)}]`);
    });

    it('reaches them by their aliases and by names of their image, once they listen', async () => {
      const site = await open({ services: [service({ image: web, aliases: ['page'], environment: { WHOM: 'you' } })] });
      const fromImage = web.split(':')[0]!;
      for (const host of ['page', fromImage.replace('/', '__'), fromImage.replace('/', '-')])
        expect(await outputOf(site, `wget -q -O - http://${host}:8080/`)).toBe('served to you\n');
      await site.close();
      expect(told).toEqual([]);
    });

    it('leaves neither containers nor a network', async () => {
      const site = await open({ services: [service({ image: web, aliases: ['page'] })] });
      expect(await leftOf()).toEqual({ containers: 2, networks: 1 });
      await site.close();
      expect(await leftOf()).toEqual({ containers: 0, networks: 0 });
    });

    it('is swept with them when its runner has died', async () => {
      await open({ services: [service({ image: web, aliases: ['page'] })] });
      await executorWith().sweep(attemptId);
      expect(await leftOf()).toEqual({ containers: 0, networks: 0 });
    });

    it('waits until they are healthy, where their image can tell', async () => {
      const healthy = await images.like(
        'healthy',
        'HEALTHCHECK --interval=1s --retries=20 CMD test -e /ready',
        'CMD ["sh", "-c", "sleep 1; touch /ready; sleep 600"]',
      );
      const site = await open({ services: [service({ image: healthy })] });
      const docker = await daemon.client();
      const [found] = await docker.listContainers({
        filters: { name: [`foldline-${attemptId}-`], ancestor: [healthy] },
      });
      expect(found!.Status).toContain('(healthy)');
      await site.close();
    });

    it('is told of one that ends, and what it wrote last', async () => {
      const site = await open({
        services: [service({ aliases: ['broken'], command: ['sh', '-c', 'echo no disk; exit 3'], image: web })],
      });
      await site.close();
      expect(told).toEqual(['WARNING: the service broken may not work: it ended with exit code 3', '[broken] no disk']);
    });

    it('is told all that they write, where it asks', async () => {
      const talks = service({ aliases: ['talker'], command: ['sh', '-c', 'echo hello; sleep 600'] });
      const site = await open({ services: [talks], tellsOfServices: true });
      while (!told.includes('[talker] hello')) await outputOf(site, 'sleep 0.05');
      await site.close();
    });

    it.each([
      ['an entrypoint', { entrypoint: ['/nope'] }, '/nope'],
      ['a command', { command: ['/nope'] }, '/nope'],
      ['nothing to run, as its image does', {}, 'No command specified'],
      ['a user', { user: 'nobody9', command: ['sleep', '1'] }, 'nobody9'],
    ])('names %s that cannot be: the definition is at fault, and nothing is left', async (_what, spec, said) => {
      const services = [service({ command: ['sleep', '600'] }), service(spec)];
      await expect(open({ services })).rejects.toMatchObject({
        reason: 'config_error',
        message: expect.stringContaining(said),
      });
      expect(await leftOf()).toEqual({ containers: 0, networks: 0 });
    });

    it('is told of an image that names what it does not have', async () => {
      const image = await images.like('empty', 'CMD ["/nope"]');
      await expect(open({ services: [service({ image })] })).rejects.toMatchObject({ reason: 'image_unusable' });
      expect(await leftOf()).toEqual({ containers: 0, networks: 0 });
    });

    it('reaches nobody else’s', async () => {
      const site = await open({ services: [service({ image: web, aliases: ['page'] })] });
      const docker = await daemon.client();
      const [found] = await docker.listContainers({
        filters: { name: [`foldline-${attemptId}-`], ancestor: [web] },
      });
      const { IPAddress } = Object.values(found!.NetworkSettings.Networks)[0]!;
      newAttempt();
      const other = await open({});
      const reach = `nc -w 2 ${IPAddress} 8080 < /dev/null && echo reached || echo out of reach`;
      expect(await outputOf(site, reach)).toContain('reached\n');
      expect(await outputOf(other, reach)).toContain('out of reach\n');
      await Promise.all([site.close(), other.close()]);
    });
  });

  describe('the image of a job', () => {
    it('is known by what it is, not only by its name', async () => {
      const site = await open({});
      const docker = await daemon.client();
      expect(site.images).toEqual([{ image: BUSYBOX, id: (await docker.getImage(BUSYBOX).inspect()).Id }]);
      await site.close();
    });

    it('whose user is not root can write to the workspace, which stays readable for the runner', async () => {
      const image = await images.like('user', 'USER 1001:1001');
      const site = await open({ image });
      expect(await outputOf(site, 'id -u; mkdir made && echo kept > made/file; cat made/file')).toBe('1001\nkept\n');
      await site.close();
      expect(statSync(join(workspace, 'made/file')).isFile()).toBe(true);
    });

    it('leaves what is made there to a runner that is not root', async () => {
      const runner = { uid: 1234, gid: 1234 };
      const by = executorWith({ runner });
      const site = await open({}, by);
      await outputOf(site, 'mkdir -p made/deep && touch made/deep/file');
      await site.close();
      await by.close();
      for (const path of ['', 'made', 'made/deep/file']) expect(statSync(join(workspace, path))).toMatchObject(runner);
    });

    it('lets git work in a repository of such a runner', async () => {
      execFileSync('git', ['init', '--quiet', workspace]);
      execFileSync('chown', ['-R', '1234:1234', workspace]);
      const by = executorWith({ runner: { uid: 1234, gid: 1234 } });
      const site = await open({ image: 'foldline-test/debian:1' }, by);
      expect(await outputOf(site, 'git status --short && echo it works')).toBe('it works\n');
      await site.close();
      await by.close();
    });

    it('runs as the user that the job names', async () => {
      const site = await open({ user: '1002' });
      expect(await outputOf(site, 'id -u')).toBe('1002\n');
      await site.close();
    });

    it('with an entrypoint that ends at once is refused with what would help, and runs without it', async () => {
      const image = await images.like('ends', 'ENTRYPOINT ["false"]');
      await expect(open({ image })).rejects.toMatchObject({
        reason: 'image_unusable',
        message: expect.stringContaining('`entrypoint: [""]`'),
      });
      expect(await leftOf()).toEqual({ containers: 0, networks: 0 });
      const site = await open({ image, entrypoint: [''] });
      expect(await outputOf(site, 'echo runs')).toBe('runs\n');
      await site.close();
    });

    it('with an entrypoint that runs what it is given has its say first', async () => {
      const image = await images.like('prepares', 'ENTRYPOINT ["sh", "-c", "export PREPARED=yes; exec \\"$@\\"", "-"]');
      const site = await open({ image });
      expect(await outputOf(site, 'echo $PREPARED')).toBe('yes\n');
      await site.close();
    });

    it('without a shell is refused as that', async () => {
      const image = await images.like('shellless', 'ENTRYPOINT ["/nowhere"]');
      await expect(open({ image })).rejects.toMatchObject({ reason: 'image_unusable' });
    });

    it.each<[string, Partial<ContainerSpec>, string]>([
      ['an entrypoint', { entrypoint: ['/nowhere'] }, '/nowhere'],
      ['a user', { user: 'nobody9' }, 'nobody9'],
      ['a platform', { platform: 'linux/s390x' }, 's390x'],
      ['a platform that there is not', { platform: 'nonsense' }, 'nonsense'],
      ['less memory than a container can have', { memoryBytes: 2 ** 20 }, '6MB'],
    ])('for which the job asks for %s that cannot be is no fault of the runner', async (_what, asked, said) => {
      await expect(open(asked)).rejects.toMatchObject({
        reason: 'config_error',
        message: expect.stringContaining(said),
      });
      expect(await leftOf()).toEqual({ containers: 0, networks: 0 });
    });

    it('counts what a job writes to its volumes', async () => {
      const image = await images.like('volume', 'VOLUME /data');
      const site = await open({ image, diskBytes: 10 * 2 ** 20 });
      const step = { commands: ['head -c 20m /dev/zero > /data/big', 'sleep 600'], environment: {} };
      const { finished } = await site.start({ ...step, onOutput: () => undefined });
      expect(await finished).toMatchObject({ outOfDisk: true });
      await site.close();
    });

    it('may name more processors than the host has', async () => {
      await (await open({ cpus: 1000 })).close();
    });

    it('is told of credentials that a helper would keep', async () => {
      await (await open({ credentials: JSON.stringify({ credsStore: 'desktop' }) })).close();
      expect(told).toEqual([expect.stringMatching(/^WARNING: .*DOCKER_AUTH_CONFIG.*helpers/)]);
    });

    it('is not fetched where the policy says never', async () => {
      await expect(open({ image: '127.0.0.1:9/none:1', pullPolicy: ['never'] })).rejects.toMatchObject({
        reason: 'image_not_found',
      });
      await (await open({ pullPolicy: ['never'] })).close();
    });

    it('that cannot be fetched anew is taken as it is here, with a warning, where the policies say so', async () => {
      const site = await open({ pullPolicy: ['always', 'if-not-present'] });
      await site.close();
      expect(told.at(-1)).toMatch(/^WARNING: the image foldline-test\/busybox:1 .*; the one that is here is taken$/s);
      await expect(open({ pullPolicy: ['always'] })).rejects.toMatchObject({ name: 'SiteUnavailable' });
    });
  });
};

whenAsked('FOLDLINE_TEST_CONTAINERS', () => withRealServer('FOLDLINE_TEST_DOCKER_HOST', suite));
