import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { CI_DIRECTORY, SERVERS, SERVERS_ENVIRONMENT, SERVERS_SCRIPT, SERVER_PORTS } from './places.mjs';

const run = promisify(execFile);
const UP_MS = 300_000;

const script = (...args) =>
  run(SERVERS_SCRIPT, args, { env: { ...process.env, ...SERVERS_ENVIRONMENT }, timeout: UP_MS });

/** Ceph's storage is in memory: only its gateway may be struck. */
const PID_FILES = {
  eventstore: 'run/eventstore.pid',
  kafka: 'run/kafka.pid',
  redis: 'run/redis.pid',
  s3: 's3/run/rgw.pid',
};
const pidOf = (server) => Number(readFileSync(join(CI_DIRECTORY, PID_FILES[server]), 'utf8'));
const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** The four servers of chaos runs, which are struck and come back. */
export const servers = {
  up: (...names) => script('up', ...(names.length > 0 ? names : SERVERS)),
  down: () => script('down', ...SERVERS),
  isRunning: (server) => existsSync(join(CI_DIRECTORY, PID_FILES[server])) && isAlive(pidOf(server)),
  signal: (server, signal) => process.kill(pidOf(server), signal),

  /** Sends the signal and waits until the process is gone. */
  async end(server, signal) {
    const pid = pidOf(server);
    process.kill(pid, signal);
    while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
  },

  /** A log without events and a Redis without memory, for services that begin anew. */
  async empty() {
    await servers.end('eventstore', 'SIGTERM');
    // The directory itself may be where a small disk is mounted.
    const data = join(CI_DIRECTORY, 'eventstore');
    for (const name of existsSync(data) ? readdirSync(data) : [])
      rmSync(join(data, name), { recursive: true, force: true });
    await servers.up('eventstore');
    await servers.flushRedis();
  },

  async flushRedis() {
    const redis = new Redis(SERVER_PORTS.redis, '127.0.0.1', { maxRetriesPerRequest: 1 });
    await redis.flushall();
    redis.disconnect();
  },
};
