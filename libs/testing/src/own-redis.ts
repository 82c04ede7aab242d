import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';

/** A Redis server of the test's own, to be killed, frozen and emptied; it writes its log file before it answers. */
export class OwnRedis {
  private process: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly directory: string,
    private readonly settings: readonly string[],
  ) {}

  /** `settings` as on the command line of redis-server, for example `--requirepass x`; `PORT` stands for its port. */
  static async start(...settings: string[]): Promise<OwnRedis> {
    const server = new OwnRedis(await freePort(), mkdtempSync(join(tmpdir(), 'foldline-redis-')), settings);
    await server.up();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it, again with what it had on disk. */
  async up(): Promise<void> {
    const where = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.directory];
    const kept = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always', '--loglevel', 'warning'];
    const settings = this.settings.map((setting) => (setting === 'PORT' ? String(this.port) : setting));
    this.process = spawn('redis-server', [...where, ...kept, ...settings], { stdio: 'ignore' });
    const failed = once(this.process, 'exit').then(() => {
      throw new Error('redis-server ended while it started');
    });
    failed.catch(() => undefined);
    while (!(await Promise.race([answers(this.port), failed]))) await sleep(10);
  }

  /** Ends it with `kill -9`. */
  async kill(): Promise<void> {
    if (!this.process || this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await ended;
  }

  /** Takes its processor time away; connections stand, nothing answers. */
  freeze(): void {
    this.process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.process?.kill('SIGCONT');
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const settle = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', settle(true)).once('error', settle(false));
  });
