import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROJECT, Sandbox, START_MS, until } from '@foldline/client';
import { whenAsked, withRealServer } from '@foldline/testing';

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
  const built = async (of: number, body: object = {}): Promise<Build> => {
    const { build_id: id } = await post<{ build_id: number }>(`services/${of}/build`, body);
    return ended(id);
  };

  beforeAll(async () => {
    logs = mkdtempSync(join(tmpdir(), 'foldline-build-logs-'));
    sandbox = await Sandbox.start({ FOLDLINE_DOCKER_HOST: daemon, BUILD_LOG_DIR: logs, JOB_WORKERS: '2' });
    sandbox.commit({
      Dockerfile: `${BASE}ARG WHO=nobody\nCOPY README.md /\nRUN echo "${process.pid}: built for $WHO" && cat README.md\n`,
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
