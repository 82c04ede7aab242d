import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, until } from '@foldline/client';
import { whenAsked, withRealServer } from '@foldline/testing';

const IMAGE = 'foldline-test/busybox:1';
const SERVERS = fileURLToPath(new URL('../../infra/ci/servers', import.meta.url));
const DOCKER = '/usr/bin/docker';
const TEST_MS = 120_000;

/** A Docker daemon that a test may end. */
class OwnDaemon {
  readonly directory = mkdtempSync(join(tmpdir(), 'foldline-dockerd-'));
  readonly address = `unix://${this.directory}/run/docker.sock`;

  up(): void {
    execFileSync(SERVERS, ['up', 'docker'], { env: this.environment, stdio: 'ignore' });
  }

  down(): void {
    execFileSync(SERVERS, ['down', 'docker'], { env: this.environment, stdio: 'ignore' });
    // A daemon that was killed leaves what it had started, and its mounts.
    const left = join(this.directory, 'docker/exec/containerd/containerd.pid');
    if (existsSync(left) && isThere(Number(readFileSync(left, 'utf8'))))
      process.kill(Number(readFileSync(left, 'utf8')));
    spawnSync('umount', ['--recursive', '--lazy', join(this.directory, 'docker/data')], { stdio: 'ignore' });
    rmSync(this.directory, { recursive: true, force: true });
  }

  has(image: string, from: string): void {
    const saved = execFileSync(DOCKER, ['-H', from, 'save', image], { maxBuffer: 64 * 1024 * 1024 });
    execFileSync(DOCKER, ['-H', this.address, 'load'], { input: saved });
  }

  /** Resolves when it is gone. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const pid = Number(readFileSync(join(this.directory, 'run/docker.pid'), 'utf8'));
    process.kill(pid, signal);
    await until('the daemon to be gone', () => !isThere(pid));
  }

  get containers(): string[] {
    return execFileSync(DOCKER, ['-H', this.address, 'ps', '-aq'], { encoding: 'utf8' }).split('\n').filter(Boolean);
  }

  private get environment(): NodeJS.ProcessEnv {
    return { ...process.env, FOLDLINE_CI_DIR: this.directory };
  }
}

const isThere = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const suite = (shared: string): void =>
  describe('a Docker daemon that ends while a job runs in a container', () => {
    const daemon = new OwnDaemon();
    let sandbox: Sandbox;
    beforeAll(async () => {
      daemon.up();
      daemon.has(IMAGE, shared);
      sandbox = await Sandbox.start({
        FOLDLINE_DOCKER_HOST: daemon.address,
        FOLDLINE_RUNNER_LEASE_SECONDS: '9',
        FOLDLINE_WARM_CONTAINERS: '0',
      });
    }, START_MS);
    afterAll(async () => {
      await sandbox.stop();
      daemon.down();
    }, START_MS);

    it.each(['SIGTERM', 'SIGKILL'] as const)(
      'by %s: the job fails for that, can be done anew when the daemon is back, and nothing is left',
      async (signal) => {
        sandbox.commitOnly({
          '.codara-ci.yml': `work:
  image: ${IMAGE}
  script: ['echo it runs', 'if [ "$CI_JOB_ATTEMPT" = 1 ]; then sleep 600; fi']
`,
        });
        const { id } = await sandbox.trigger();
        const jobId = jobNamed(await sandbox.jobIs(id, 'work', 'running'), 'work').id;
        await until('its first line', async () => (await sandbox.log(jobId)).includes('it runs'));

        await daemon.end(signal);
        expect(jobNamed(await sandbox.rested(id), 'work').reason).toBe('docker_unavailable');

        daemon.up();
        await sandbox.client.post(`/api/${PROJECT}/jobs/${jobId}/retry`);
        const pipeline = await sandbox.rested(id, ({ status, jobs }) => status !== 'running' && jobs[0]!.attempt === 2);
        expect(pipeline.status).toBe('success');
        await until('nothing to be left', () => daemon.containers.length === 0);
      },
      TEST_MS,
    );
  });

whenAsked('FOLDLINE_TEST_CONTAINERS', () => withRealServer('FOLDLINE_TEST_DOCKER_HOST', suite));
