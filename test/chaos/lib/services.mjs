import { spawn } from 'node:child_process';
import { cpSync, createWriteStream, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { GATEWAY_PORT, INSTANCES, ROOT, S3_ACCESS, wirePort } from './places.mjs';

const INSIDE = pathToFileURL(join(ROOT, 'test/chaos/inside/preload.mjs')).href;
const STOP_MS = 20_000;
const RESTART_MS = 500;

/** What is set for this program is not meant for the services. */
const bareEnvironment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('FOLDLINE_')),
);

/** A copy of what was built, so that a build beside a long run changes nothing in it. */
export const copyRelease = (directory) => {
  const release = join(directory, 'release');
  const services = join(ROOT, 'dist/services');
  mkdirSync(join(release, 'services'), { recursive: true });
  for (const file of readdirSync(services).filter((name) => !name.endsWith('.map')))
    cpSync(join(services, file), join(release, 'services', file));
  cpSync(join(ROOT, 'dist/package.json'), join(release, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  return release;
};

const settingsFor = ({ name, service, runner }, { directory, namespace, leaseSeconds, secrets }) => ({
  FOLDLINE_MODE: 'distributed',
  FOLDLINE_LOG_LEVEL: 'info',
  FOLDLINE_NAMESPACE: namespace,
  FOLDLINE_DATA_DIR: join(directory, 'data', name),
  FOLDLINE_OPS_PORT: '0',
  FOLDLINE_SECRET_KEY: secrets.key,
  FOLDLINE_EVENTSTORE_URL: `esdb://127.0.0.1:${wirePort(name, 'eventstore')}?tls=false`,
  FOLDLINE_KAFKA_BROKERS: `127.0.0.1:${wirePort(name, 'kafka')}`,
  FOLDLINE_KAFKA_PARTITIONS: '4',
  FOLDLINE_REDIS_URL: `redis://127.0.0.1:${wirePort(name, 'redis')}`,
  FOLDLINE_S3_URL: `http://127.0.0.1:${wirePort(name, 's3')}/${namespace}`,
  FOLDLINE_S3_ACCESS_KEY: S3_ACCESS.accessKey,
  FOLDLINE_S3_SECRET_KEY: S3_ACCESS.secretKey,
  FOLDLINE_RUNNER_LEASE_SECONDS: String(leaseSeconds),
  FOLDLINE_DRAIN_SECONDS: '5',
  FOLDLINE_ALLOW_PRIVATE_TARGETS: 'true',
  ...(runner === undefined ? {} : { FOLDLINE_RUNNERS: `${runner}:high-power:3` }),
  ...(service === 'api-gateway'
    ? {
        FOLDLINE_PORT: String(GATEWAY_PORT),
        FOLDLINE_ADMIN_TOKEN: secrets.adminToken,
        FOLDLINE_WEBHOOK_SECRET: secrets.webhookSecret,
      }
    : {}),
});

/** A process and all that it started, by what /proc says of parents. */
const withDescendants = (pid) => {
  const children = new Map();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const [, parent] = /^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${name}/stat`, 'utf8'));
      children.set(Number(parent), [...(children.get(Number(parent)) ?? []), Number(name)]);
    } catch {
      continue;
    }
  }
  const all = [pid];
  for (const each of all) all.push(...(children.get(each) ?? []));
  return all;
};

/** The services of one cluster: started, struck, and started again when they end by themselves. */
export class Services {
  /** Ends that nobody asked for. */
  unexpectedEnds = [];
  #running = new Map();
  #closing = false;

  /** `inside` of an instance is what is done to it from within: failpoints, mutants, what is to be told. */
  constructor(options) {
    Object.assign(this, { inside: {}, ...options });
    mkdirSync(join(this.directory, 'logs'), { recursive: true });
    this.release = copyRelease(this.directory);
  }

  /** All of them at once, and none is started again. */
  abandon() {
    this.#closing = true;
    for (const { child } of this.#running.values()) child.kill('SIGKILL');
  }

  async startAll() {
    for (const { name } of INSTANCES) mkdirSync(join(this.directory, 'data', name), { recursive: true });
    const up = await Promise.all(INSTANCES.map(async ({ name }) => [name, await this.start(name).ready]));
    const down = up.filter(([, ready]) => !ready).map(([name]) => name);
    if (down.length > 0) throw new Error(`${down.join(', ')} did not start`);
  }

  start(name, inside = this.inside[name] ?? this.inside['*']) {
    const instance = INSTANCES.find((each) => each.name === name);
    const program = inside
      ? ['--import', INSIDE, join(ROOT, 'apps', instance.service, 'dist/main.js')]
      : [join(this.release, 'services', `${instance.service}.js`)];
    const child = spawn(process.execPath, program, {
      cwd: this.directory,
      env: {
        ...bareEnvironment,
        ...settingsFor(instance, this),
        ...(inside ? { CHAOS_INSIDE: JSON.stringify({ ...inside, name, directory: this.directory }) } : {}),
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const running = { child, expected: false };
    running.ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
    running.ready = this.#ready(running, join(this.directory, 'logs', `${name}.log`));
    this.#running.set(name, running);
    void running.ended.then((end) => this.#ended(name, running, end, inside));
    return running;
  }

  /** Resolves when another process has taken the place of this one, which ended by itself, and is ready. */
  async replaced(name, before) {
    while (this.#running.get(name) === before) await sleep(RESTART_MS / 5);
    await this.#running.get(name).ready;
  }

  /** As it is; the caller sees to a new one. */
  async kill(name) {
    const running = this.#running.get(name);
    running.expected = true;
    this.#signal(running.child.pid, 'SIGCONT');
    running.child.kill('SIGKILL');
    await running.ended;
  }

  /** Ends it in order; answers with false when it had to be killed. */
  async stop(name) {
    const running = this.#running.get(name);
    running.expected = true;
    running.child.kill('SIGTERM');
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      running.child.kill('SIGKILL');
    }, STOP_MS);
    const { code } = await running.ended;
    clearTimeout(timer);
    if (late || code !== 0)
      this.unexpectedEnds.push(`${name}, asked to stop, ${late ? 'did not' : `ended with ${code}`}`);
  }

  /** Stands still as a machine does that is suspended: with everything that it had started. */
  pause(name) {
    const pids = withDescendants(this.#running.get(name).child.pid);
    for (const pid of pids) this.#signal(pid, 'SIGSTOP');
    return () => pids.forEach((pid) => this.#signal(pid, 'SIGCONT'));
  }

  async stopAll() {
    this.#closing = true;
    await Promise.all([...this.#running.keys()].map((name) => this.stop(name)));
  }

  #signal(pid, signal) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }

  #ready({ child, ended }, path) {
    const log = createWriteStream(path, { flags: 'a' });
    return new Promise((resolve) => {
      let text = '';
      child.stderr.on('data', (chunk) => {
        log.write(chunk);
        if (text === undefined) return;
        text += chunk;
        if (!text.includes('the service is up')) return;
        text = undefined;
        resolve(true);
      });
      void ended.then(() => {
        log.end();
        resolve(false);
      });
    });
  }

  #ended(name, running, { code, signal }, inside) {
    if (running.expected || this.#closing) return;
    const asked = signal === 'SIGKILL' && inside?.failpoint !== undefined;
    if (!asked) this.unexpectedEnds.push(`${name} ended by itself: code ${code}, signal ${signal}`);
    // Whoever keeps services running starts one again that has ended; a failpoint strikes once.
    setTimeout(() => {
      if (!this.#closing) this.start(name, asked ? this.inside['*'] : inside);
    }, RESTART_MS);
  }
}
