import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ApiClient } from '../api/client.ts';

const SERVER = fileURLToPath(new URL('../../../standalone/dist/main.js', import.meta.url));
const LISTENS = /listens on (http:\/\/\S+)/;

export type DemoServer = { client: ApiClient; webhookSecret: string; dataDirectory: string; stop: () => Promise<void> };

/** Starts the server as `npm start` does, on a free port, and waits until it says where it listens. */
export const startServer = async (dataDirectory: string): Promise<DemoServer> => {
  const child = spawn(process.execPath, [SERVER], {
    env: { ...process.env, FOLDLINE_DATA_DIR: dataDirectory, FOLDLINE_PORT: '0', FOLDLINE_LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await listening(child);
  const kept = (name: string): string => readFileSync(join(dataDirectory, name), 'utf8').trim();
  return {
    client: new ApiClient({ url, token: process.env['FOLDLINE_ADMIN_TOKEN'] ?? kept('admin-token') }),
    webhookSecret: process.env['FOLDLINE_WEBHOOK_SECRET'] ?? kept('webhook-secret'),
    dataDirectory,
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
};

const listening = async (child: ChildProcess): Promise<string> => {
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`the server did not start (exit code ${String(code)}); its message stands above`);
  });
  const found = (async () => {
    for await (const line of createInterface({ input: child.stdout! })) {
      const url = LISTENS.exec(line)?.[1];
      if (url) return url;
    }
    return exited;
  })();
  exited.catch(() => undefined);
  return Promise.race([found, exited]);
};
