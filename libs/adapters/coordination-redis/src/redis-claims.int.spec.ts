import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PermanentError, type Claims, type Clock, type Logger } from '@foldline/kernel';
import { openRedis, type RedisConnection } from '@foldline/redis';
import { claimsContract, OwnRedis, withRealServer } from '@foldline/testing';
import { redisClaims } from './redis-claims.ts';
import { processClock } from './process-clock.fixture.ts';

const quiet = (): void => undefined;
const logger: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const clock: Clock = processClock;

withRealServer('FOLDLINE_TEST_REDIS_URL', (url) => {
  claimsContract('on Redis', async () => {
    const keyPrefix = `test-${randomUUID()}`;
    const connections = [openRedis({ url, keyPrefix }), openRedis({ url, keyPrefix })] as const;
    const [claims, rival] = connections.map((redis) => redisClaims({ redis, clock, logger }));
    return {
      claims: claims!,
      rival: rival!,
      close: async () => {
        for (const redis of connections) redis.close();
      },
    };
  });

  describe('claims on Redis', () => {
    const ttlMs = 600;
    let server: OwnRedis;
    let connections: RedisConnection[];
    let stops: (() => Promise<void>)[];

    beforeEach(async () => {
      server = await OwnRedis.start();
      connections = [];
      stops = [];
    });
    afterEach(async () => {
      await Promise.all(stops.map((stop) => stop()));
      for (const redis of connections) redis.close();
      await server.close();
    });

    const claimsOfAProcess = (): Claims => {
      const redis = openRedis({ url: server.url, connectionWaitMs: 200 });
      connections.push(redis);
      return redisClaims({ redis, clock, logger });
    };
    /** Contends; `next` resolves with what is told next and when. */
    const contend = () => {
      const told: { held: boolean; at: number }[] = [];
      const waiting: (() => void)[] = [];
      const ending = new AbortController();
      const onChange = (held: boolean): void => {
        told.push({ held, at: clock.monotonic() });
        for (const notice of waiting.splice(0)) notice();
      };
      const done = claimsOfAProcess().contend({ name: 'relay', ttlMs, signal: ending.signal, onChange });
      stops.push(() => {
        ending.abort();
        return done;
      });
      let read = 0;
      const next = async (): Promise<{ held: boolean; at: number }> => {
        while (told.length <= read) await new Promise<void>((notice) => waiting.push(notice));
        return told[read++]!;
      };
      return { told, next };
    };

    it('pass to another within the time to live when the holder is silent', async () => {
      const redis = openRedis({ url: server.url });
      connections.push(redis);
      const began = clock.monotonic();
      await redis.call('hold', 'SET', redis.key('claims', 'relay'), 'a process that was killed', 'PX', ttlMs);
      const { held, at } = await contend().next();
      expect(held).toBe(true);
      expect(at - began).toBeGreaterThanOrEqual(ttlMs - 5);
      expect(at - began).toBeLessThan(ttlMs * 1.5);
    });

    it('have one holder again after the keeper lost its memory', async () => {
      const one = contend();
      await one.next();
      const two = contend();
      connections.push(openRedis({ url: server.url }));
      await connections.at(-1)!.call('empty', 'FLUSHALL');
      await Promise.race([one.next(), two.next(), clock.sleep(2 * ttlMs)]);
      await clock.sleep(ttlMs);
      expect([one, two].filter(({ told }) => told.at(-1)?.held)).toHaveLength(1);
    });

    it('are given up in time when the keeper does not answer, and taken by everybody when it stays away', async () => {
      const one = contend();
      const { held } = await one.next();
      const two = contend();
      expect(held).toBe(true);
      await clock.sleep(ttlMs);
      const frozenAt = clock.monotonic();
      server.freeze();
      const lost = await one.next();
      expect(lost.held).toBe(false);
      expect(lost.at - frozenAt).toBeLessThan(ttlMs * 1.3);
      const [again, other] = await Promise.all([one.next(), two.next()]);
      expect([again.held, other.held]).toEqual([true, true]);
      expect(again.at - frozenAt).toBeGreaterThan(ttlMs * 1.5);
      server.thaw();
      await Promise.race([one.next(), two.next()]);
      expect([one, two].filter(({ told }) => told.at(-1)?.held)).toHaveLength(1);
    });

    it('are taken by everybody when the keeper is away from the beginning, and by one when it comes', async () => {
      await server.kill();
      const began = clock.monotonic();
      const pair = [contend(), contend()];
      const first = await Promise.all(pair.map((one) => one.next()));
      expect(first.map(({ held }) => held)).toEqual([true, true]);
      for (const { at } of first) expect(at - began).toBeGreaterThan(ttlMs * 1.5);
      await server.up();
      await Promise.race(pair.map((one) => one.next()));
      expect(pair.filter(({ told }) => told.at(-1)?.held)).toHaveLength(1);
    });

    it('refuses a time to live and names that cannot be', async () => {
      const { signal } = new AbortController();
      const claims = claimsOfAProcess();
      for (const wrong of [
        { ttlMs: 0 },
        { ttlMs: 1.5 },
        { ttlMs: Infinity },
        { name: '' },
        { name: 'x'.repeat(201) },
      ]) {
        const claim = { name: 'relay', ttlMs, signal, onChange: quiet, ...wrong };
        await expect(claims.contend(claim)).rejects.toBeInstanceOf(PermanentError);
      }
    });
  });
});
