import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiClient, until, type Accepted, type PipelineAnswer } from '@foldline/client';
import { SERVICES, type ServiceName } from '@foldline/contracts';
import { freePort, withRealServer } from '@foldline/testing';
import { root } from '../../scripts/workspace.mjs';

const IMAGE = 'foldline:ci';
/** The user of the image. */
const USER = 10_001;
const ADMIN_TOKEN = 'an-admin-token-of-this-test';
const DEFINITION = `
stages: [build, test]
build: { stage: build, script: mkdir out && echo made > out/it, artifacts: { paths: [out/] } }
test: { stage: test, script: cat out/it }
contained: { stage: test, image: foldline-test/busybox:1, script: cat out/it }
`;

withRealServer('FOLDLINE_TEST_DOCKER_HOST', (dockerHost) => {
  describe('the image, one container for each service', () => {
    const name = `foldline-${randomBytes(4).toString('hex')}`;
    const directory = mkdtempSync(join(tmpdir(), 'foldline-containers-'));
    const repository = join(directory, 'repository');
    /** Of the runner, at the same path for the daemon. */
    const data = join(directory, 'runner');
    const ports = new Map<ServiceName, number>();
    let eventStore: ChildProcess;
    let client: ApiClient;

    // Debian's own client knows Debian's daemon.
    const docker = (...args: string[]): string =>
      execFileSync('/usr/bin/docker', args, { encoding: 'utf8', env: { ...process.env, DOCKER_HOST: dockerHost } });
    const git = (...args: string[]): unknown =>
      execFileSync('git', ['-C', repository, '-c', 'user.name=a', '-c', 'user.email=a@foldline.example', ...args]);
    const isReady = async (service: ServiceName): Promise<boolean> =>
      fetch(`http://127.0.0.1:${ports.get(service)}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );

    /** What docs/compose.md gives a runner for jobs in containers. */
    const withDocker = (): string[] => {
      const socket = new URL(dockerHost).pathname;
      const volumes = [`${data}:${data}`, `${socket}:/var/run/docker.sock`].map((volume) => `--volume=${volume}`);
      return [...volumes, `--group-add=${statSync(socket).gid}`, `--env=FOLDLINE_DATA_DIR=${data}`];
    };

    const start = async (service: ServiceName, settings: Readonly<Record<string, string>>): Promise<void> => {
      ports.set(service, await freePort());
      const rights = '--read-only --cap-drop ALL --security-opt no-new-privileges --network host --tmpfs /tmp:exec';
      const environment = { ...settings, FOLDLINE_OPS_PORT: String(ports.get(service)) };
      docker(
        'run',
        '--detach',
        `--name=${name}-${service}`,
        ...rights.split(' '),
        `--tmpfs=/var/lib/foldline:exec,uid=${USER},mode=0700`,
        `--volume=${repository}:${repository}:ro`,
        ...Object.entries(environment).map(([key, value]) => `--env=${key}=${value}`),
        ...(service === 'runner' ? withDocker() : []),
        IMAGE,
        `/app/${service}.js`,
      );
    };

    beforeAll(async () => {
      const { FOLDLINE_TEST_REDIS_URL, FOLDLINE_TEST_KAFKA_BROKERS, FOLDLINE_TEST_S3_URL } = process.env;
      mkdirSync(repository);
      mkdirSync(data);
      chmodSync(directory, 0o755);
      writeFileSync(join(repository, '.codara-ci.yml'), DEFINITION);
      git('init', '--quiet', '--initial-branch=main');
      git('add', '--all');
      git('commit', '--quiet', '--message', 'Begin');
      execFileSync('chown', ['-R', `${USER}:${USER}`, repository, data]);
      const eventStorePort = await freePort();
      const program = join(root, 'infra/ci/event-store/main.mjs');
      const args = ['--port', String(eventStorePort), '--data', join(directory, 'events')];
      eventStore = spawn(process.execPath, [program, ...args], { stdio: 'ignore' });
      const s3 = new URL(FOLDLINE_TEST_S3_URL!);
      const settings = {
        FOLDLINE_MODE: 'distributed',
        FOLDLINE_NAMESPACE: name,
        FOLDLINE_SECRET_KEY: randomBytes(32).toString('base64url'),
        FOLDLINE_EVENTSTORE_URL: `esdb://127.0.0.1:${eventStorePort}?tls=false`,
        FOLDLINE_KAFKA_BROKERS: FOLDLINE_TEST_KAFKA_BROKERS!,
        FOLDLINE_KAFKA_PARTITIONS: '4',
        FOLDLINE_REDIS_URL: FOLDLINE_TEST_REDIS_URL!,
        FOLDLINE_S3_URL: `${s3.origin}/${name}`,
        FOLDLINE_S3_ACCESS_KEY: s3.username,
        FOLDLINE_S3_SECRET_KEY: s3.password,
      };
      const port = await freePort();
      const gateway = {
        FOLDLINE_PORT: String(port),
        FOLDLINE_ADMIN_TOKEN: ADMIN_TOKEN,
        FOLDLINE_WEBHOOK_SECRET: randomBytes(16).toString('hex'),
      };
      for (const service of SERVICES)
        await start(service, { ...settings, ...(service === 'api-gateway' ? gateway : {}) });
      for (const service of SERVICES)
        await until(`${service} to be ready`, () => isReady(service), 60_000).catch((error: unknown) => {
          throw new Error(docker('logs', '--tail', '20', `${name}-${service}`), { cause: error });
        });
      client = new ApiClient({ url: `http://127.0.0.1:${port}`, token: ADMIN_TOKEN });
    }, 180_000);

    afterAll(() => {
      docker('rm', '--force', ...SERVICES.map((service) => `${name}-${service}`));
      eventStore.kill();
      rmSync(directory, { recursive: true, force: true });
    });

    it('runs a pipeline from the trigger to its end, artifacts and all', async () => {
      await client.post('/api/v1/projects', { owner: 'acme', name: 'app', url: repository });
      const { id } = await client.post<Accepted>('/api/acme/app/pipelines', { ref: 'main' });
      const ended = await until('the pipeline to end', async () => {
        const pipeline = await client.get<PipelineAnswer>(`/api/acme/app/pipelines/${id}`);
        return ['success', 'failed'].includes(pipeline.status) && pipeline;
      });
      expect(ended.jobs.map((job) => [job.name, job.status])).toEqual([
        ['build', 'success'],
        ['test', 'success'],
        ['contained', 'success'],
      ]);
      for (const { id } of ended.jobs.slice(1))
        expect(await client.text(`/api/acme/app/jobs/${id}/logs`)).toContain('made');
    }, 60_000);

    it('has what a runner locks its data directory with, and the runner has locked it', () => {
      const lock = () => docker('exec', `${name}-runner`, 'flock', '-n', join(data, 'runners/lock'), 'true');
      expect(lock).toThrow(expect.objectContaining({ status: 1 }));
    });

    it('is seen to be well by its own health check, and ends in order when told', async () => {
      await until(
        'Docker to call it healthy',
        () => docker('inspect', '--format', '{{.State.Health.Status}}', `${name}-notifier`).trim() === 'healthy',
        30_000,
      );
      docker('stop', '--time', '20', `${name}-notifier`);
      expect(docker('inspect', '--format', '{{.State.ExitCode}}', `${name}-notifier`).trim()).toBe('0');
    }, 60_000);
  });
});
