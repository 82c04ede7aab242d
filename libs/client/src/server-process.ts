import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ApiClient } from './api-client.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const BUILT = join(ROOT, 'apps/standalone/dist/main.js');
const BUNDLED = join(ROOT, 'apps/standalone/bundle/main.js');
const LISTENS = /listens on (http:\/\/\S+)/;

export type ServerProcess = {
  client: ApiClient;
  webhookSecret: string;
  dataDirectory: string;
  pid: number;
  /** SIGTERM, and waits for the end. Answers with the exit code. */
  stop: () => Promise<number | null>;
  /** SIGKILL, and waits for the end. */
  kill: () => Promise<void>;
};

/**
 * Starts the built server as a process of its own, on a free port, and waits until it says where it listens.
 * `environment` adds settings to those of this process.
 */
export const startServerProcess = async (
  dataDirectory: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> => {
  const child = spawn(process.execPath, [serverProgram()], {
    env: {
      ...process.env,
      FOLDLINE_PORT: '0',
      FOLDLINE_LOG_LEVEL: 'warn',
      ...environment,
      FOLDLINE_DATA_DIR: dataDirectory,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const url = await listening(child);
  const kept = (name: string): string => readFileSync(join(dataDirectory, name), 'utf8').trim();
  return {
    client: new ApiClient({ url, token: process.env['FOLDLINE_ADMIN_TOKEN'] ?? kept('admin-token') }),
    webhookSecret: process.env['FOLDLINE_WEBHOOK_SECRET'] ?? kept('webhook-secret'),
    dataDirectory,
    pid: child.pid!,
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

/** The bundle, as `npm start` runs it, unless something was built after it was made. */
export const serverProgram = (): string => {
  const projects = ['apps', 'libs', 'libs/adapters'].flatMap((parent) =>
    readdirSync(join(ROOT, parent)).map((name) => join(ROOT, parent, name)),
  );
  const builtAt = Math.max(...projects.map((project) => modified(join(project, 'dist/.tsbuildinfo'))));
  return modified(BUNDLED) > builtAt ? BUNDLED : BUILT;
};

const modified = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

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
