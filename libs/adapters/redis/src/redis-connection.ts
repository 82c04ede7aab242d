import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { AccessDenied, PermanentError, TransientError } from '@foldline/kernel';
import { bareError, fromRedisError, isDenial, replyCode } from './redis-failure.ts';
import { checkSettings, type CheckedSettings, type RedisSettings } from './redis-settings.ts';

/** A Lua program that the server runs as one step. Everything it touches begins with the connection's prefix. */
export type RedisScript = { lua: string; sha: string };

export const redisScript = (lua: string): RedisScript => ({
  lua,
  sha: createHash('sha1').update(lua).digest('hex'),
});

export type Argument = string | Buffer | number;

export type ConnectionListener = {
  /** A connection was lost or could not be made; told once until the next `onConnected`. */
  onLost?: (error: Error) => void;
  onConnected?: () => void;
};

const [FIRST_RETRY_MS, LONGEST_RETRY_MS] = [50, 2_000];

/**
 * A connection to one Redis server that makes itself anew, with growing pauses, for as long as it takes. A call waits
 * for the connection and for the answer no longer than the settings say and then throws `TransientError`: what it asked
 * for may have happened. Nothing is kept to be sent later.
 */
export class RedisConnection {
  private readonly client: Redis;
  private lost = false;
  private closed = false;
  private lastError: Error | undefined;
  private denied = false;

  constructor(
    private readonly settings: CheckedSettings,
    private readonly listener: ConnectionListener = {},
  ) {
    const { keyPrefix: _, commandTimeoutMs, connectionWaitMs: __, tls, ...where } = settings;
    this.client = new Redis({
      ...where,
      ...(tls ? { tls } : {}),
      commandTimeout: commandTimeoutMs,
      // A server that went away without a word is noticed by the first call to it.
      socketTimeout: commandTimeoutMs,
      connectTimeout: commandTimeoutMs,
      disconnectTimeout: 500,
      keepAlive: 10_000,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (times) =>
        Math.min(FIRST_RETRY_MS * 2 ** Math.min(times - 1, 10), LONGEST_RETRY_MS) * (0.75 + Math.random() / 2),
    });
    this.client.on('error', (error: Error) => this.noteLost(error));
    this.client.on('close', () => this.noteLost(this.lastError ?? new Error('the connection was closed')));
    this.client.on('ready', () => {
      this.lost = false;
      this.lastError = undefined;
      this.denied = false;
      this.listener.onConnected?.();
    });
  }

  /** The name of a key or channel: the prefix and the parts; no two lists of parts have the same name. */
  key(...parts: string[]): string {
    return [`{${this.settings.keyPrefix}}`, ...parts.map(keyPart)].join(':');
  }

  /** One command. `doing` completes "could not …". */
  async call(doing: string, command: string, ...args: Argument[]): Promise<unknown> {
    return this.guarded(doing, () => this.client.call(command, args));
  }

  /** Runs a script; it may touch keys that it makes from `key`. */
  async run(doing: string, script: RedisScript, key: string, ...args: Argument[]): Promise<unknown> {
    return this.guarded(doing, async () => {
      try {
        return await this.client.call('EVALSHA', [script.sha, 1, key, ...args]);
      } catch (error) {
        // The server has not seen the script since it started.
        if (replyCode(error) !== 'NOSCRIPT') throw error;
        return this.client.call('EVAL', [script.lua, 1, key, ...args]);
      }
    });
  }

  /** Tells of every message on a channel of this connection, which can be used for nothing else afterwards. */
  onMessage(listener: (channel: string, message: string) => void): void {
    this.client.on('message', listener);
  }

  /** Another connection with the same settings. */
  another(listener: ConnectionListener = {}): RedisConnection {
    return new RedisConnection(this.settings, listener);
  }

  /** Ends the connection; calls without an answer fail. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.client.disconnect();
  }

  private async guarded<Result>(doing: string, work: () => Promise<Result>): Promise<Result> {
    try {
      await this.connected();
      return await work();
    } catch (error) {
      throw fromRedisError(error, doing);
    }
  }

  private async connected(): Promise<void> {
    if (this.closed) throw new PermanentError('the connection to Redis is closed');
    if (this.client.status === 'ready') return;
    await new Promise<void>((resolve, reject) => {
      const settle = (end: () => void) => () => {
        clearTimeout(timer);
        this.client.off('ready', onReady).off('end', onEnd);
        end();
      };
      const onReady = settle(resolve);
      const onEnd = settle(() => reject(new PermanentError('the connection to Redis is closed')));
      const onLate = settle(() => {
        const reason = this.lastError ? `: ${this.lastError.message}` : '';
        reject(
          this.denied
            ? new AccessDenied(`Redis does not let us in${reason}`)
            : new TransientError(`Redis does not answer${reason}`),
        );
      });
      const timer = setTimeout(onLate, this.settings.connectionWaitMs);
      this.client.once('ready', onReady).once('end', onEnd);
    });
  }

  private noteLost(error: unknown): void {
    this.denied ||= isDenial(error);
    this.lastError = bareError(error);
    if (this.lost || this.closed) return;
    this.lost = true;
    this.listener.onLost?.(this.lastError);
  }
}

/** A part of a name: well-formed text without the separator, so that parts can be told apart. */
export const keyPart = (part: string): string => encodeURIComponent(Buffer.from(part).toString());

/** Begins to connect and does not wait for it. Throws `PermanentError` for settings that cannot be. */
export const openRedis = (settings: RedisSettings, listener: ConnectionListener = {}): RedisConnection =>
  new RedisConnection(checkSettings(settings), listener);
