import { describe, expect, it } from '@jest/globals';
import { PermanentError } from '@foldline/kernel';
import { checkSettings, type RedisSettings } from './redis-settings.ts';

describe('the settings of Redis', () => {
  it('are read from a URL', () => {
    expect(checkSettings({ url: 'redis://ci:p%40ss%3Aword@cache.example:7000/3' })).toEqual({
      host: 'cache.example',
      port: 7000,
      db: 3,
      username: 'ci',
      password: 'p@ss:word',
      keyPrefix: 'foldline',
      commandTimeoutMs: 5000,
      connectionWaitMs: 1000,
    });
  });

  it('have a port and a database when the URL has none', () => {
    expect(checkSettings({ url: 'redis://[::1]' })).toMatchObject({ host: '::1', port: 6379, db: 0 });
  });

  it('take TLS from rediss:// and what is trusted from texts', () => {
    expect(checkSettings({ url: 'rediss://cache.example' })).toMatchObject({ tls: {} });
    expect(checkSettings({ url: 'rediss://cache.example', tls: { ca: 'PEM' } })).toMatchObject({ tls: { ca: 'PEM' } });
  });

  it('take user and password from beside the URL first', () => {
    const settings = { url: 'redis://a:b@cache.example', username: 'c', password: 'd' };
    expect(checkSettings(settings)).toMatchObject({ username: 'c', password: 'd' });
  });

  it.each<[string, RedisSettings]>([
    ['another protocol', { url: 'http://:secret@cache.example' }],
    ['no URL', { url: 'secret' }],
    ['no host', { url: 'redis:///1' }],
    ['a database that is no number', { url: 'redis://:secret@cache.example/secret' }],
    ['a query', { url: 'redis://cache.example?password=secret' }],
    ['a badly encoded password', { url: 'redis://:secret%@cache.example' }],
    ['TLS without rediss://', { url: 'redis://:secret@cache.example', tls: { ca: 'PEM' } }],
    ['a prefix with braces', { url: 'redis://cache.example', keyPrefix: '{secret}' }],
    ['no time at all', { url: 'redis://cache.example', commandTimeoutMs: 0 }],
  ])('refuse %s and tell no secret', (_, settings) => {
    let refused: unknown;
    try {
      checkSettings(settings);
    } catch (error) {
      refused = error;
    }
    expect(refused).toBeInstanceOf(PermanentError);
    expect(String(refused)).not.toContain('secret');
  });
});
