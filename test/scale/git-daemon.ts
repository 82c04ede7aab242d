import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@foldline/client';

const PORT = 9_418;

/** Serves the repositories that tests make to other hosts, without passwords. */
export class GitDaemon {
  private constructor(
    private readonly address: string,
    private readonly program: ChildProcess,
  ) {}

  static async start(address: string): Promise<GitDaemon> {
    const program = spawn(
      join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-daemon'),
      ['--reuseaddr', `--listen=${address}`, `--port=${PORT}`, '--export-all', tmpdir()],
      { stdio: 'ignore' },
    );
    const daemon = new GitDaemon(address, program);
    await until('git’s daemon to answer', () => answers(address));
    return daemon;
  }

  urlOf(repository: string): string {
    return `git://${this.address}:${PORT}${repository}/.git`;
  }

  async stop(): Promise<void> {
    if (this.program.exitCode !== null || this.program.signalCode !== null) return;
    const ended = once(this.program, 'exit');
    this.program.kill();
    await ended;
  }
}

const answers = (address: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(PORT, address, () => {
      socket.destroy();
      resolve(true);
    }).once('error', () => resolve(false));
  });
