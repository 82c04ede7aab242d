import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PermanentError, TransientError } from '@foldline/kernel';
import { OwnRedis, withRealServer } from '@foldline/testing';
import { openRedis, redisScript, type ConnectionListener, type RedisConnection } from './redis-connection.ts';
import type { RedisSettings } from './redis-settings.ts';

withRealServer('FOLDLINE_TEST_REDIS_URL', () => {
  describe('a connection to Redis', () => {
    const limits = { commandTimeoutMs: 400, connectionWaitMs: 300 };
    let server: OwnRedis | undefined;
    let redis: RedisConnection;
    let lost: Error[];

    const open = (settings: Partial<RedisSettings> = {}, listener: ConnectionListener = {}): RedisConnection => {
      const onLost = (error: Error): void => void lost.push(error);
      return (redis = openRedis({ url: server!.url, ...limits, ...settings }, { onLost, ...listener }));
    };
    const failure = async (asked: Promise<unknown>): Promise<Error> => {
      const error = await asked.then(
        () => new Error('it did not fail'),
        (error: unknown) => error as Error,
      );
      return error;
    };

    beforeEach(() => {
      lost = [];
    });
    afterEach(async () => {
      redis.close();
      await server?.close();
      server = undefined;
    });

    it('can be used at once, before it is made', async () => {
      server = await OwnRedis.start();
      expect(await open().call('ping', 'PING')).toBe('PONG');
      expect(lost).toEqual([]);
    });

    it('names keys so that no two lists of parts have the same name', async () => {
      server = await OwnRedis.start();
      open({ keyPrefix: 'ci' });
      expect(redis.key('a', 'b:c')).toBe('{ci}:a:b%3Ac');
      expect(redis.key('a:b', 'c')).not.toBe(redis.key('a', 'b:c'));
    });

    it('runs a script also when the server has forgotten it', async () => {
      server = await OwnRedis.start();
      const script = redisScript('return ARGV[1]');
      expect(await open().run('echo', script, 'key', 'one')).toBe('one');
      await redis.call('forget', 'SCRIPT', 'FLUSH');
      expect(await redis.run('echo', script, 'key', 'two')).toBe('two');
    });

    it('fails in time while there is no server, tells once, and works when there is one', async () => {
      server = await OwnRedis.start();
      const told = new Promise<Error>((resolve) =>
        open({}, { onLost: (error) => resolve(lost[lost.push(error) - 1]!) }),
      );
      await redis.call('ping', 'PING');
      await server.kill();
      await told;
      const began = performance.now();
      const failures = await Promise.all([1, 2, 3].map(() => failure(redis.call('ping', 'PING'))));
      for (const error of failures) expect(error).toBeInstanceOf(TransientError);
      expect(performance.now() - began).toBeLessThan(2000);
      expect(lost).toHaveLength(1);
      const connected = new Promise<void>((resolve) => {
        redis.close();
        open({}, { onConnected: resolve });
      });
      await server.up();
      await connected;
      expect(await redis.call('ping', 'PING')).toBe('PONG');
    });

    it('is made anew by itself when the server comes back', async () => {
      server = await OwnRedis.start();
      let notice = (): void => undefined;
      open({}, { onConnected: () => notice() });
      await redis.call('ping', 'PING');
      const again = new Promise<void>((resolve) => {
        notice = resolve;
      });
      await server.kill();
      await server.up();
      await again;
      expect(await redis.call('ping', 'PING')).toBe('PONG');
    });

    it('fails in time when the server is there and does not answer', async () => {
      server = await OwnRedis.start();
      await open().call('ping', 'PING');
      server.freeze();
      const began = performance.now();
      expect(await failure(redis.call('ping', 'PING'))).toBeInstanceOf(TransientError);
      expect(performance.now() - began).toBeLessThan(2000);
      server.thaw();
    });

    it('takes a user and a password, and shows no password when it is wrong', async () => {
      server = await OwnRedis.start(
        '--requirepass',
        'right-password',
        '--user',
        ...'ci on >ci-password ~* &* +@all'.split(' '),
      );
      open({ username: 'ci', password: 'ci-password' });
      expect(await redis.call('ask', 'ACL', 'WHOAMI')).toBe('ci');
      redis.close();
      open({ password: 'wrong-password' });
      const error = await failure(redis.call('ping', 'PING'));
      expect(error).toBeInstanceOf(TransientError);
      expect(error.message).toContain('WRONGPASS');
      expect(inspect([error, lost], { depth: 9 })).not.toContain('wrong-password');
    });

    it('tells what can pass from what cannot, and keeps what was sent to itself', async () => {
      server = await OwnRedis.start();
      await open().call('set', 'SET', 'key', 'text');
      const wrong = await failure(redis.call('add', 'SADD', 'key', 'secret-document'));
      expect(wrong).toBeInstanceOf(PermanentError);
      expect(inspect(wrong, { depth: 9 })).not.toContain('secret-document');
      await redis.call('limit', 'CONFIG', 'SET', 'maxmemory', '1');
      expect(await failure(redis.call('set', 'SET', 'key', 'text'))).toBeInstanceOf(TransientError);
    });

    it('uses the database of its URL', async () => {
      server = await OwnRedis.start();
      open({ url: `${server.url}/5` });
      await redis.call('set', 'SET', 'key', 'five');
      redis.close();
      expect(await open().call('get', 'GET', 'key')).toBeNull();
    });

    it('refuses to work when closed', async () => {
      server = await OwnRedis.start();
      await open().call('ping', 'PING');
      redis.close();
      redis.close();
      expect(await failure(redis.call('ping', 'PING'))).toBeInstanceOf(PermanentError);
      expect(lost).toEqual([]);
    });

    it('speaks TLS with a server that it can trust, and with no other', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'foldline-redis-tls-'));
      const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
      const made = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost';
      const names = ['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert];
      execFileSync('openssl', ['req', ...made.split(' '), ...names], { stdio: 'ignore' });
      const tls = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert];
      server = await OwnRedis.start('--port', '0', '--tls-port', 'PORT', ...tls);
      const url = server.url.replace('redis:', 'rediss:');
      const [ca, clientCert, clientKey] = [cert, cert, key].map((path) => readFileSync(path, 'utf8'));
      open({ url, tls: { ca: ca!, cert: clientCert!, key: clientKey! } });
      expect(await redis.call('ping', 'PING')).toBe('PONG');
      redis.close();
      open({ url });
      expect(await failure(redis.call('ping', 'PING'))).toBeInstanceOf(TransientError);
      rmSync(directory, { recursive: true });
    });
  });
});
