import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ApiClient } from './api-client.ts';
import { startOf } from './programs.ts';
import { inheritedEnvironment } from './topology.ts';

const LISTENS = /listens on (http:\/\/\S+)/;

/** A running system, whatever it consists of. */
export interface Server {
  readonly client: ApiClient;
  readonly webhookSecret: string;
  /** Everything that its processes keep on this machine lies below. */
  readonly dataDirectory: string;
  /** Ids of the processes that run now. */
  readonly pids: readonly number[];
  /** SIGTERM, and waits for the end. Answers with the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
}

export type ServerProcess = Server & { pid: number };

/**
 * Starts the built server as a process of its own, on a free port, and waits until it says where it listens.
 * It has no containers, whatever this machine has. `environment` adds settings to those of this process; `preload` is the URL of a module that is loaded before it.
 */
export const startServerProcess = async (
  dataDirectory: string,
  environment: Readonly<Record<string, string>> = {},
  preload?: string,
): Promise<ServerProcess> => {
  const inherited = inheritedEnvironment();
  const child = spawn(process.execPath, startOf('standalone', preload), {
    env: {
      ...inherited,
      FOLDLINE_PORT: '0',
      FOLDLINE_LOG_LEVEL: 'warn',
      FOLDLINE_DOCKER_HOST: 'none',
      ...environment,
      FOLDLINE_DATA_DIR: dataDirectory,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const url = await listening(child);
  const kept = (name: string): string => readFileSync(join(dataDirectory, name), 'utf8').trim();
  return {
    client: new ApiClient({ url, token: inherited['FOLDLINE_ADMIN_TOKEN'] ?? kept('admin-token') }),
    webhookSecret: inherited['FOLDLINE_WEBHOOK_SECRET'] ?? kept('webhook-secret'),
    dataDirectory,
    pid: child.pid!,
    pids: [child.pid!],
    stop: async () => {
      child.kill('SIGTERM');
      return exited;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
};

const listening = async (child: ChildProcess): Promise<string> => {
  const failed = once(child, 'exit').then(([code]): never => {
    throw new Error(`the server did not start (exit code ${String(code)}); its message stands above`);
  });
  failed.catch(() => undefined);
  const lines = createInterface({ input: child.stdout! });
  const found = new Promise<string>((resolve) => {
    lines.on('line', (line) => {
      const url = LISTENS.exec(line)?.[1];
      if (url) resolve(url);
    });
  });
  return Promise.race([found, failed]);
};
