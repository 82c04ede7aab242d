import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { until } from '@foldline/client';

const run = promisify(execFile);
const SERVERS = fileURLToPath(new URL('../../infra/ci/servers', import.meta.url));
const DOCKER = '/usr/bin/docker';

/** A Docker daemon that is one test's own: it may be ended, or have surroundings of its own. */
export class OwnDaemon {
  readonly directory = mkdtempSync(join(tmpdir(), 'foldline-dockerd-'));
  readonly address = `unix://${this.directory}/run/docker.sock`;

  constructor(private readonly surroundings: Readonly<Record<string, string>> = {}) {}

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

  /** Docker's client, at this daemon; its output. */
  async docker(...args: string[]): Promise<string> {
    return (await run(DOCKER, ['-H', this.address, ...args])).stdout.trim();
  }

  /** It is given an image of another daemon. */
  has(image: string, from: string): void {
    const saved = execFileSync(DOCKER, ['-H', from, 'save', image], { maxBuffer: 1024 ** 3 });
    execFileSync(DOCKER, ['-H', this.address, 'load'], { input: saved, stdio: ['pipe', 'ignore', 'inherit'] });
  }

  /** Resolves when it is gone. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const pid = Number(readFileSync(join(this.directory, 'run/docker.pid'), 'utf8'));
    process.kill(pid, signal);
    await until('the daemon to be gone', () => !isThere(pid));
  }

  async containers(): Promise<string[]> {
    return (await this.docker('ps', '-aq')).split('\n').filter(Boolean);
  }

  private get environment(): NodeJS.ProcessEnv {
    // One that begins empties the chains of the host's packet filter, on which other daemons are building meanwhile.
    const filter = { FOLDLINE_CI_DOCKER_IPTABLES: 'false' };
    return { ...process.env, ...filter, ...this.surroundings, FOLDLINE_CI_DIR: this.directory };
  }
}

const isThere = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
