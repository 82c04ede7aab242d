import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PermanentError, type Logger } from '@foldline/kernel';
import { openRedis, type RedisConnection } from '@foldline/redis';
import { OwnRedis, signalsContract, withRealServer } from '@foldline/testing';
import { openRedisSignals, type RedisSignals } from './redis-signals.ts';

const quiet = (): void => undefined;
const silent: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };

withRealServer('FOLDLINE_TEST_REDIS_URL', (url) => {
  signalsContract('on Redis', async () => {
    const keyPrefix = `test-${randomUUID()}`;
    const connections = [openRedis({ url, keyPrefix }), openRedis({ url, keyPrefix })] as const;
    const [signals, elsewhere] = connections.map((redis) => openRedisSignals({ redis, logger: silent }));
    return {
      signals: signals!,
      elsewhere: elsewhere!,
      close: async () => {
        await Promise.all([signals!.close(), elsewhere!.close()]);
        for (const redis of connections) redis.close();
      },
    };
  });

  describe('signals on Redis', () => {
    let server: OwnRedis;
    let redis: RedisConnection;
    let signals: RedisSignals;
    let warned: (() => void)[];

    beforeEach(async () => {
      server = await OwnRedis.start();
      redis = openRedis({ url: server.url, connectionWaitMs: 200 });
      warned = [];
      const logger = { ...silent, warn: () => warned.shift()?.(), error: () => warned.shift()?.() };
      signals = openRedisSignals({ redis, logger });
    });
    afterEach(async () => {
      await signals.close();
      redis.close();
      await server.close();
    });

    it('hears the answer to what was asked right after listening', async () => {
      const heard = new Promise((resolve) => signals.listen('answers', resolve));
      await signals.send('answers', 'here');
      expect(await heard).toBe('here');
    });

    it('loses what is sent while the server is away, and hears again when it is back', async () => {
      const heard: unknown[] = [];
      let notice: () => void = quiet;
      signals.listen('greetings', (message) => {
        heard.push(message);
        notice();
      });
      const next = (): Promise<void> => new Promise((resolve) => (notice = resolve));
      const first = next();
      await signals.send('greetings', 1);
      await first;
      await server.kill();
      await signals.send('greetings', 2);
      await server.up();
      const back = next();
      const calling = setInterval(() => void signals.send('greetings', 3), 20);
      await back;
      clearInterval(calling);
      expect(heard.slice(0, 2)).toEqual([1, 3]);
    });

    it('refuses what is too large or no JSON', async () => {
      await expect(signals.send('greetings', 'x'.repeat(300_000))).rejects.toBeInstanceOf(PermanentError);
      await expect(signals.send('greetings', undefined)).rejects.toBeInstanceOf(PermanentError);
    });

    it('throws away what is no JSON, and goes on behind a listener that fails', async () => {
      const problems = [0, 1].map(() => new Promise<void>((resolve) => warned.push(resolve)));
      signals.listen('greetings', () => {
        throw new Error('this listener is wrong');
      });
      const heard = new Promise((resolve) => signals.listen('greetings', resolve));
      await signals.send('other', null);
      await redis.call('send', 'PUBLISH', redis.key('signals', 'greetings'), '{"half":');
      await signals.send('greetings', 'whole');
      expect(await heard).toBe('whole');
      await Promise.all(problems);
    });
  });
});
