import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Logger } from '@foldline/kernel';
import { openRedis, type RedisConnection } from '@foldline/redis';
import { withRealServer } from '@foldline/testing';
import { redisClaims } from './redis-claims.ts';
import { processClock as clock } from './process-clock.fixture.ts';

const built = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);

/** Contends for a claim and prints what it is told. */
const HOLDER = `
  import { setTimeout as sleep } from 'node:timers/promises';
  import { openRedis } from ${built('../../redis/dist/index.js')};
  import { redisClaims } from ${built('../dist/index.js')};
  const [url, keyPrefix, ttl] = process.argv.slice(1);
  const say = () => undefined;
  const claims = redisClaims({
    redis: openRedis({ url, keyPrefix }),
    clock: { monotonic: () => performance.now(), sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(say) },
    logger: { debug: say, info: say, warn: say, error: say },
  });
  const onChange = (held) => process.stdout.write(held + '\\n');
  await claims.contend({ name: 'relay', ttlMs: Number(ttl), signal: new AbortController().signal, onChange });
`;

const quiet = (): void => undefined;
const logger: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };

withRealServer('FOLDLINE_TEST_REDIS_URL', (url) => {
  describe('a claim whose holder is another process', () => {
    const ttlMs = 600;
    let keyPrefix: string;
    let redis: RedisConnection;
    let child: ChildProcess;
    let lines: AsyncIterator<string>;
    let ending: AbortController;
    let contending: Promise<void>;

    beforeEach(async () => {
      keyPrefix = `test-${randomUUID()}`;
      redis = openRedis({ url, keyPrefix });
      ending = new AbortController();
      contending = Promise.resolve();
      const args = ['--input-type=module', '-e', HOLDER, url, keyPrefix, String(ttlMs)];
      child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
      expect(await lines.next()).toMatchObject({ value: 'true' });
    });
    afterEach(async () => {
      ending.abort();
      await contending;
      redis.close();
      child.kill('SIGKILL');
    });

    /** Resolves with the moment at which this process comes to hold the claim. */
    const taken = (): Promise<number> =>
      new Promise((resolve) => {
        const onChange = (held: boolean): void => (held ? resolve(clock.monotonic()) : undefined);
        const claims = redisClaims({ redis, clock, logger });
        contending = claims.contend({ name: 'relay', ttlMs, signal: ending.signal, onChange });
      });

    it('is taken over within its time to live when the holder is killed', async () => {
      const taking = taken();
      await clock.sleep(ttlMs);
      const killedAt = clock.monotonic();
      child.kill('SIGKILL');
      expect((await taking) - killedAt).toBeLessThan(ttlMs + 200);
    });

    it('is taken over when the holder is frozen, who gives up when it wakes', async () => {
      const taking = taken();
      await clock.sleep(ttlMs);
      const frozenAt = clock.monotonic();
      child.kill('SIGSTOP');
      expect((await taking) - frozenAt).toBeLessThan(ttlMs + 200);
      await clock.sleep(3 * ttlMs);
      child.kill('SIGCONT');
      expect(await lines.next()).toMatchObject({ value: 'false' });
      ending.abort();
      await contending;
      expect(await lines.next()).toMatchObject({ value: 'true' });
    });
  });
});
