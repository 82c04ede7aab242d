import { PermanentError, type Logger, type Signals } from '@foldline/kernel';
import type { RedisConnection } from '@foldline/redis';

/** One message as JSON, in bytes: signals are greetings and heartbeats, never content. */
const MAX_MESSAGE_BYTES = 256 * 1024;
/** A listening connection that carries nothing is asked this often whether it still stands. */
const PING_MS = 10_000;

export type RedisSignalsOptions = {
  /** Shared with others; whoever opened it closes it. */
  redis: RedisConnection;
  logger: Logger;
};

export type RedisSignals = Signals & { close: () => Promise<void> };

type Listener = (message: unknown) => void;

/**
 * Signals by publish and subscribe. While the server cannot be reached they are lost, as they are when nobody listens:
 * `send` says nothing then. It refuses with `PermanentError` what is too large or no JSON.
 */
class PublishedSignals implements RedisSignals {
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly subscriber: RedisConnection;
  private readonly pinging: NodeJS.Timeout;
  private readonly subscribing = new Set<Promise<void>>();

  constructor(
    private readonly redis: RedisConnection,
    private readonly logger: Logger,
  ) {
    this.subscriber = redis.another({
      onConnected: () => {
        for (const channel of this.listeners.keys()) this.follow(channel, 'SUBSCRIBE');
      },
      onLost: (err) => logger.warn({ err }, 'no signals are heard until Redis can be reached again'),
    });
    this.subscriber.onMessage((channel, message) => this.take(channel, message));
    this.pinging = setInterval(() => void this.ping(), PING_MS).unref();
  }

  async send(topic: string, message: unknown): Promise<void> {
    const text = JSON.stringify(message);
    if (text === undefined) throw new PermanentError(`a signal on ${topic} is no JSON`);
    if (Buffer.byteLength(text) > MAX_MESSAGE_BYTES)
      throw new PermanentError(`a signal on ${topic} has more than ${MAX_MESSAGE_BYTES} bytes`);
    // Who listens and then asks hears the answer.
    await Promise.all(this.subscribing);
    try {
      await this.redis.call('send a signal', 'PUBLISH', this.channel(topic), text);
    } catch (error) {
      this.logger.debug({ err: error, topic }, 'a signal was lost');
    }
  }

  listen(topic: string, listener: Listener): () => void {
    const channel = this.channel(topic);
    const all = this.listeners.get(channel);
    // A listener of its own for each call, so that the same function may listen twice.
    const own: Listener = (message) => listener(message);
    if (all) all.add(own);
    else {
      this.listeners.set(channel, new Set([own]));
      this.follow(channel, 'SUBSCRIBE');
    }
    return () => {
      const rest = this.listeners.get(channel);
      if (!rest?.delete(own) || rest.size > 0) return;
      this.listeners.delete(channel);
      this.follow(channel, 'UNSUBSCRIBE');
    };
  }

  async close(): Promise<void> {
    clearInterval(this.pinging);
    this.listeners.clear();
    this.subscriber.close();
  }

  private channel(topic: string): string {
    return this.redis.key('signals', topic);
  }

  /** When it fails, the next connection subscribes to everything that is listened to then. */
  private follow(channel: string, command: 'SUBSCRIBE' | 'UNSUBSCRIBE'): void {
    const done = this.subscriber
      .call('listen to signals', command, channel)
      .catch((err: unknown) => this.logger.debug({ err, channel }, 'could not listen to signals yet'))
      .then(() => void this.subscribing.delete(done));
    this.subscribing.add(done);
  }

  private take(channel: string, text: string): void {
    let message: unknown;
    try {
      if (Buffer.byteLength(text) > MAX_MESSAGE_BYTES) throw new RangeError('it is too large');
      message = JSON.parse(text);
    } catch (err) {
      this.logger.warn({ err, channel }, 'a signal was thrown away that is none of ours');
      return;
    }
    for (const listener of this.listeners.get(channel) ?? []) {
      try {
        listener(message);
      } catch (err) {
        this.logger.error({ err, channel }, 'a listener of signals failed');
      }
    }
  }

  private async ping(): Promise<void> {
    // Without an answer in time the connection is given up and made anew.
    await this.subscriber.call('ask whether signals are still heard', 'PING').catch((err: unknown) => {
      this.logger.debug({ err }, 'no answer on the connection for signals');
    });
  }
}

export const openRedisSignals = ({ redis, logger }: RedisSignalsOptions): RedisSignals =>
  new PublishedSignals(redis, logger);
