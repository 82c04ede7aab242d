import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TransientError, type LogStore, type Signals } from '@foldline/kernel';
import { openS3Bucket, type S3Bucket, type S3Settings } from '@foldline/s3';
import type { S3LogLimits } from './options.ts';
import { openS3LogStore, type S3LogStore } from './s3-log-store.ts';

export const claimOf = (text: string | Buffer) => ({
  bytes: Buffer.byteLength(text),
  sha256: createHash('sha256').update(text).digest('hex'),
});

export const frame = (sequence: number, offset: number, text: string | Buffer) => ({
  sequence,
  offset,
  bytes: Buffer.from(text),
});

/** Signals between the hosts of a test; they can be lost, as real ones are. */
export class TestSignals implements Signals {
  lost = false;
  private readonly listeners = new Map<string, Set<(message: unknown) => void>>();

  async send(topic: string, message: unknown): Promise<void> {
    if (this.lost) return;
    const copied: unknown = JSON.parse(JSON.stringify(message));
    for (const listener of this.listeners.get(topic) ?? []) listener(copied);
  }

  listen(topic: string, listener: (message: unknown) => void): () => void {
    const all = this.listeners.get(topic) ?? new Set();
    this.listeners.set(topic, all.add(listener));
    return () => void all.delete(listener);
  }
}

/** What a host asks of the bucket, and the place where it dies. */
export type Requests = { noting: boolean; asked: string[]; dieAt: number; answerLost: boolean; dead: boolean };

export const requests = (dieAt = Infinity, answerLost = false): Requests => ({
  noting: false,
  asked: [],
  dieAt,
  answerLost,
  dead: false,
});

const REQUESTS: ReadonlySet<unknown> = new Set(['put', 'read', 'list', 'head', 'delete', 'call']);

/** The bucket as seen by a host that dies at one of its requests, before that is sent or before it is answered. */
const watched = (bucket: S3Bucket, requests: Requests): S3Bucket =>
  new Proxy(bucket, {
    get: (target, name) => {
      const found: unknown = Reflect.get(target, name);
      if (typeof found !== 'function') return found;
      if (!REQUESTS.has(name) || !requests.noting) return found.bind(target);
      return async (...args: unknown[]): Promise<unknown> => {
        const dies = requests.asked.length === requests.dieAt;
        if (!requests.dead) requests.asked.push(`${String(name)} ${String(args[0])}`);
        if (requests.dead || (dies && !requests.answerLost)) return dead(requests);
        const answer: unknown = await found.apply(target, args);
        return dies ? dead(requests) : answer;
      };
    },
  });

const dead = (requests: Requests): never => {
  requests.dead = true;
  throw new TransientError('the host is dead');
};

/** A bucket of its own and any number of hosts that keep logs in it. */
export class Hosts {
  readonly signals = new TestSignals();
  private readonly directory = mkdtempSync(join(tmpdir(), 'foldline-logs-s3-'));
  private readonly stores: S3LogStore[] = [];
  private readonly buckets: S3Bucket[] = [];

  private constructor(
    readonly settings: S3Settings,
    readonly bucket: S3Bucket,
  ) {}

  static async open(url: string): Promise<Hosts> {
    const { protocol, host, username, password } = new URL(url);
    const bucket = `logs-${randomBytes(6).toString('hex')}`;
    const settings = { endpoint: `${protocol}//${host}`, accessKey: username, secretKey: password, bucket };
    return new Hosts(settings, await openS3Bucket(settings));
  }

  spoolDirectory(name: string): string {
    return join(this.directory, name);
  }

  async start(name: string, limits: Partial<S3LogLimits> = {}, endpoint?: string): Promise<S3LogStore> {
    let { bucket } = this;
    if (endpoint !== undefined) {
      bucket = await openS3Bucket({ ...this.settings, endpoint, timeoutMs: 2_000 });
      this.buckets.push(bucket);
    }
    const spoolDirectory = this.spoolDirectory(name);
    const store = await openS3LogStore({ bucket, signals: this.signals, spoolDirectory, limits });
    this.stores.push(store);
    return store;
  }

  /** A host whose requests are noted from now on, and which may die at one of them. */
  async startWatched(name: string, noted: Requests, limits: Partial<S3LogLimits> = {}): Promise<S3LogStore> {
    const spoolDirectory = this.spoolDirectory(name);
    const store = await openS3LogStore({
      bucket: watched(this.bucket, noted),
      signals: this.signals,
      spoolDirectory,
      limits,
    });
    this.stores.push(store);
    noted.noting = true;
    return store;
  }

  async keys(): Promise<string[]> {
    return (await this.bucket.list('logs/')).map(({ key }) => key);
  }

  async close(): Promise<void> {
    await Promise.all(this.stores.map((store) => store.close(2_000)));
    for (const key of (await this.bucket.list('')).map(({ key }) => key)) await this.bucket.delete(key);
    await this.bucket.client.removeBucket(this.bucket.name);
    for (const bucket of [...this.buckets, this.bucket]) bucket.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Reads a log to its end and fails on a gap or an overlap. */
export const followAll = async (store: LogStore, attemptId: string, signal: AbortSignal): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  let position = 0;
  for await (const { offset, bytes } of store.follow(attemptId, 0, signal)) {
    if (offset !== position) throw new Error(`expected the offset ${position}, not ${offset}`);
    position += bytes.length;
    pieces.push(bytes);
  }
  return Buffer.concat(pieces);
};

/** Stands between a client and the server, and can go away as a broken network does. */
export class BreakableProxy {
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private broken: boolean,
  ) {}

  static async before(endpoint: string): Promise<BreakableProxy> {
    const { hostname, port } = new URL(endpoint);
    const server = createServer();
    const proxy = new BreakableProxy(server, false);
    server.on('connection', (socket) => {
      if (proxy.broken) return void socket.destroy();
      const upstream = connect(Number(port), hostname);
      proxy.join(socket, upstream);
      proxy.join(upstream, socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  break(): void {
    this.broken = true;
    for (const socket of this.sockets) socket.destroy();
  }

  mend(): void {
    this.broken = false;
  }

  close(): void {
    this.break();
    this.server.close();
  }

  private join(from: Socket, to: Socket): void {
    this.sockets.add(from);
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.sockets.delete(from);
      to.destroy();
    });
  }
}
