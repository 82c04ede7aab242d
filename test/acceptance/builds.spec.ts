import { execFileSync } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROJECT, Sandbox, START_MS, until } from '@foldline/client';
import { freePort, whenAsked, withRealServer } from '@foldline/testing';

const BASE = 'FROM foldline-test/busybox:1\n';

type Build = {
  id: number;
  job_id: string;
  status: string;
  image_tag: string;
  log_path: string | null;
  git_sha: string;
  pushed: { reference: string; digest: string }[];
  error: { code: string; message: string } | null;
};
type Deployment = { id: number; status: string; image_tag: string; reason: string; error: Build['error'] };
type Metrics = {
  count: number;
  by_status: Record<string, number>;
  success_rate: number;
  run_seconds: { median: number };
};
type Job = { id: string; type: string; status: string; progress: number; started_at: string | null };

const suite = (daemon: string, open: string, guarded: string): void => {
  let sandbox: Sandbox;
  let logs: string;
  const [login, closed] = guarded.split('@') as [string, string];
  const get = <Answer>(path: string): Promise<Answer> => sandbox.client.get<Answer>(`/v1/cicd/${path}`);
  const post = <Answer>(path: string, body: object = {}): Promise<Answer> =>
    sandbox.client.post<Answer>(`/v1/cicd/${path}`, body);
  /** A service of the sandbox's project; commands of its builds need no network. */
  const service = async (name: string, more: object = {}): Promise<number> => {
    const asked = { project: PROJECT, name, build_network: 'none', auto_build: false, ...more };
    return (await post<{ id: number }>('services', asked)).id;
  };
  const ended = (id: number): Promise<Build> =>
    until(`build ${id} to end`, async () => {
      const build = await get<Build>(`builds/${id}`);
      return (build.status === 'success' || build.status === 'failed') && build;
    });
  const containersOf = (label: string): string[] =>
    execFileSync('/usr/bin/docker', ['-H', daemon, 'ps', '--all', '--quiet', '--filter', `label=${label}`], {
      encoding: 'utf8',
    })
      .split('\n')
      .filter(Boolean);
  const built = async (of: number, body: object = {}): Promise<Build> => {
    const { build_id: id } = await post<{ build_id: number }>(`services/${of}/build`, body);
    return ended(id);
  };

  beforeAll(async () => {
    logs = mkdtempSync(join(tmpdir(), 'foldline-build-logs-'));
    sandbox = await Sandbox.start({ FOLDLINE_DOCKER_HOST: daemon, BUILD_LOG_DIR: logs, JOB_WORKERS: '2' });
    sandbox.commit({
      Dockerfile: `${BASE}ARG WHO=nobody\nCOPY README.md /\nRUN echo "${Date.now()}: built for $WHO" && cat README.md\n`,
    });
  }, START_MS);
  afterAll(async () => {
    await sandbox.stop();
    rmSync(logs, { recursive: true });
  }, START_MS);

  describe('S2-07 a service that is built', () => {
    let build: Build;
    beforeAll(async () => {
      const id = await service('shop', { build_args: { WHO: 'ada' } });
      const asked = await post(`services/${id}/build`, {
        git_ref: 'main',
        context_path: '.',
        dockerfile: 'Dockerfile',
      });
      expect(asked).toEqual({
        build_id: expect.any(Number),
        job_id: expect.stringMatching(/^\d{17,}$/),
        status: 'queued',
      });
      build = await ended((asked as { build_id: number }).build_id);
    }, START_MS);

    it('S2-22 has an image that is named after its branch and commit', () => {
      expect(build).toMatchObject({ status: 'success', error: null });
      expect(build.image_tag).toBe(`shop:main-${build.git_sha.slice(0, 7)}`);
    });

    it('S2-20 S2-36 tells what it did, to clients and in a file of its own', async () => {
      const log = await sandbox.client.text(`/v1/cicd/builds/${build.id}/logs`);
      expect(log).toMatch(/#\d+ \d+\.\d+ \d+: built for ada\n/);
      expect(readFileSync(build.log_path!, 'utf8')).toBe(log);
    });

    it('S2-15 A09 is a job whose progress is 100 in the end', async () =>
      expect(await get<Job>(`jobs/${build.job_id}`)).toMatchObject({
        id: build.job_id,
        type: 'build',
        status: 'success',
        progress: 100,
        started_at: expect.any(String),
      }));

    it('S2-41 is built again out of what is there', async () => {
      const again = await built(1);
      expect(await sandbox.client.text(`/v1/cicd/builds/${again.id}/logs`)).toMatch(/#\d+ CACHED/);
    });
  });

  describe('S2-40 a service with registries', () => {
    const auth = (password: string): string =>
      JSON.stringify({
        auths: { [closed]: { auth: Buffer.from(`${login.split(':')[0]}:${password}`).toString('base64') } },
      });
    const logInWith = (value: string): Promise<unknown> =>
      sandbox.client.raw('PUT', `/api/${PROJECT}/variables/DOCKER_AUTH_CONFIG`, {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ value }),
      });
    let id: number;
    beforeAll(async () => {
      id = await service('pushed', { registries: [open, closed] });
      await sandbox.client.post(`/api/${PROJECT}/variables`, {
        key: 'DOCKER_AUTH_CONFIG',
        value: auth('guessed'),
        masked: true,
      });
    });

    it('is told when a registry does not let it in', async () => {
      const { status, error } = await built(id);
      expect({ status, code: error?.code }).toEqual({ status: 'failed', code: 'image_push_denied' });
      expect(error!.message).toContain(closed);
    });

    it('is in all of them under the names of its commit and its branch', async () => {
      await logInWith(auth(login.split(':')[1]!));
      const { status, image_tag: image, pushed } = await built(id);
      expect(status).toBe('success');
      expect(pushed.map(({ reference }) => reference)).toEqual(
        [open, closed].flatMap((registry) => [`${registry}/${image}`, `${registry}/pushed:main`]),
      );
      const answer = await fetch(`http://${open}/v2/pushed/manifests/main`, {
        headers: { accept: 'application/vnd.docker.distribution.manifest.v2+json' },
      });
      expect(answer.headers.get('docker-content-digest')).toBe(pushed[0]!.digest);
    });
  });

  describe('S2-39 what stands in the way of a build is told', () => {
    const failure = async (name: string, dockerfile: string, more: object = {}): Promise<string | undefined> => {
      sandbox.commit({ [`${name}/Dockerfile`]: dockerfile });
      return (await built(await service(name, { context_path: name, ...more }))).error?.code;
    };

    it('a command that fails', () =>
      expect(failure('command', `${BASE}RUN exit 3\n`)).resolves.toBe('image_build_failure'));
    it('a Dockerfile that is not there', () =>
      expect(failure('file', BASE, { dockerfile: 'Dockerfile.dev' })).resolves.toBe('dockerfile_missing'));
    it('a base image that is not there', () =>
      expect(failure('base', `FROM ${open}/nothing:1\n`)).resolves.toBe('image_not_found'));
    it('a base image that is not for us', () =>
      expect(failure('guarded', `FROM ${closed}/nothing-of-ours:1\n`)).resolves.toMatch(
        /^image_(access_denied|not_found)$/,
      ));
    it('a registry that does not answer', () =>
      expect(failure('away', BASE, { registries: ['127.0.0.1:9'] })).resolves.toBe('registry_unreachable'));
  });

  describe('A09 a push', () => {
    let id: number;
    let port: number;
    let first: Build;
    const serve = (text: string): string =>
      `${BASE}RUN mkdir /www && echo ${text} > /www/index.html\nCMD ["httpd", "-f", "-p", "8080", "-h", "/www"]\n`;
    const push = async (secret = sandbox.server.webhookSecret): Promise<Response> => {
      const repository = { full_name: PROJECT, clone_url: `https://forge.example/${PROJECT}.git` };
      const body = JSON.stringify({ ref: 'refs/heads/main', after: sandbox.git('rev-parse', 'HEAD'), repository });
      return fetch(`${sandbox.client.connection.url}/v1/webhooks/github`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-github-event': 'push',
          'x-github-delivery': randomUUID(),
          'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
        },
        body,
      });
    };
    const pushed = async (text: string): Promise<Build> => {
      sandbox.commit({ 'web/Dockerfile': serve(text) });
      const { builds, pipelines } = (await (await push()).json()) as { builds: number[]; pipelines: string[] };
      // There is no definition, and where something is built there need not be one.
      expect((await sandbox.rested(pipelines[0]!)).status).toBe('skipped');
      return ended(builds[0]!);
    };
    const deployed = (number: number): Promise<Deployment> =>
      until(`deployment ${number} to end`, async () => {
        const deployment = await get<Deployment>(`deployments/${number}`);
        return deployment.status !== 'deploying' && deployment;
      });
    const deploy = async (image: string): Promise<Deployment> => {
      const asked = { image_tag: image, reason: `deploy ${image}` };
      return deployed((await post<{ deployment_id: number }>(`services/${id}/deploy`, asked)).deployment_id);
    };
    const rollBack = async (body: object = {}): Promise<Deployment> =>
      deployed((await post<{ deployment_id: number }>(`services/${id}/rollback`, body)).deployment_id);
    const served = async (): Promise<string> => (await (await fetch(`http://127.0.0.1:${port}/`)).text()).trim();

    beforeAll(async () => {
      port = await freePort();
      id = await service('web', {
        context_path: 'web',
        auto_build: true,
        registries: [open],
        ports: [`${port}:8080`],
        health_check: { path: '/', port: 8080, timeout_seconds: 3 },
      });
      first = await pushed('one');
    }, START_MS);
    afterAll(async () => {
      await sandbox.client.raw('DELETE', `/v1/cicd/services/${id}`);
      await until('its containers to be gone', () => containersOf('foldline.deployment').length === 0);
    });

    it('S2-30 that nobody signed builds nothing', async () => expect((await push('another secret')).status).toBe(401));

    it('S2-46 builds the services of its branch and pushes them', () =>
      expect(first).toMatchObject({ status: 'success', git_sha: sandbox.git('rev-parse', 'HEAD') }));

    it('S2-10 is deployed, and reached at its port', async () => {
      expect(await deploy(first.image_tag)).toMatchObject({ status: 'success', reason: `deploy ${first.image_tag}` });
      expect(await served()).toBe('one');
    });

    it('S2-11 is taken back by a new deployment, and nobody is refused meanwhile', async () => {
      const second = await pushed('two');
      const over = new AbortController();
      const answers = new Set<string>();
      const asking = (async () => {
        while (!over.signal.aborted) answers.add(await served());
      })();
      expect((await deploy(second.image_tag)).status).toBe('success');
      expect(await served()).toBe('two');
      const back = await rollBack();
      over.abort();
      await asking;
      expect([...answers].toSorted()).toEqual(['one', 'two']);
      expect(back).toMatchObject({ status: 'success', image_tag: first.image_tag });
      expect(await served()).toBe('one');
      const { items } = await get<{ items: Deployment[] }>(`services/${id}/deployments`);
      await until(
        'the other to be marked',
        async () => (await get<Deployment>(`deployments/${items[1]!.id}`)).status === 'rolled_back',
      );
    });

    it('S2-29 leaves what runs as it is when the image is not there, or is not healthy', async () => {
      expect((await deploy('web:nothing')).error?.code).toBe('image_not_found');
      sandbox.commit({ 'web/Dockerfile': `${BASE}CMD ["sh", "-c", "echo no config; exit 7"]\n` });
      const broken = await deploy((await built(id)).image_tag);
      expect(broken.error).toEqual({ code: 'container_ended', message: expect.stringContaining('no config') });
      sandbox.commit({ 'web/Dockerfile': `${BASE}CMD ["sleep", "600"]\n` });
      expect((await deploy((await built(id)).image_tag)).error?.code).toBe('health_check_failed');
      expect(await served()).toBe('one');
    });

    it('S2-27 is cancelled while it waits, and before it takes over; what ran before runs on', async () => {
      await sandbox.client.raw('PATCH', `/v1/cicd/services/${id}`, {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ health_check: { path: '/', port: 8080, timeout_seconds: 600 } }),
      });
      const before = containersOf('foldline.deployment');
      const image = (await built(id)).image_tag;
      type Asked = { deployment_id: number; job_id: string };
      const ask = (): Promise<Asked> => post<Asked>(`services/${id}/deploy`, { image_tag: image });
      const [going, waiting] = [await ask(), await ask()];
      await until('its container', () => containersOf('foldline.deployment').length > before.length);
      expect(await post<Job>(`jobs/${waiting.job_id}/cancel`)).toMatchObject({ type: 'deploy', status: 'failed' });
      expect((await get<Job>(`jobs/${going.job_id}`)).status).toBe('running');
      await post<Job>(`jobs/${going.job_id}/cancel`);
      for (const { deployment_id: each } of [going, waiting])
        expect(await deployed(each)).toMatchObject({ status: 'failed', error: { code: 'cancelled' } });
      expect(containersOf('foldline.deployment')).toEqual(before);
      expect(await served()).toBe('one');
      await expect(post(`jobs/${going.job_id}/cancel`)).resolves.toMatchObject({ status: 'failed' });
      await expect(post('deployments/1/cancel')).rejects.toMatchObject({ status: 409, code: 'already_finished' });
    });

    it('S2-37 is measured', async () => {
      const { builds, deployments } = await get<Record<'builds' | 'deployments', Metrics>>(`services/${id}/metrics`);
      expect(builds.by_status['success']).toBe(builds.count);
      expect(builds.run_seconds.median).toBeGreaterThan(0);
      expect(deployments).toMatchObject({ cancelled: 2, rollbacks: 1, queue: { queued: 0, running: 0 } });
      expect(deployments.success_rate).toBe(0.5);
    });

    it('is reached again after the server was killed', async () => {
      await sandbox.server.kill();
      await sandbox.restart();
      expect(await until('it to be served', () => served().catch(() => false))).toBe('one');
    });
  });

  it('S2-27 a build that is cancelled ends, and says so', async () => {
    sandbox.commit({ 'slow/Dockerfile': `${BASE}RUN echo it runs && sleep 600\n` });
    const id = await service('slow', { context_path: 'slow' });
    const { build_id: build } = await post<{ build_id: number }>(`services/${id}/build`);
    const log = (): Promise<string> => sandbox.client.text(`/v1/cicd/builds/${build}/logs`).catch(() => '');
    await until('its first line', async () => / it runs\n/.test(await log()));
    await post(`builds/${build}/cancel`);
    expect(await ended(build)).toMatchObject({ status: 'failed', error: { code: 'cancelled' } });
  });
};

whenAsked('FOLDLINE_TEST_CONTAINERS', () =>
  withRealServer('FOLDLINE_TEST_DOCKER_HOST', (daemon) =>
    withRealServer('FOLDLINE_TEST_REGISTRY', (open) =>
      withRealServer('FOLDLINE_TEST_PRIVATE_REGISTRY', (guarded) => suite(daemon, open, guarded)),
    ),
  ),
);
