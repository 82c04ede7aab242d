import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EXIT } from '../command-failure.ts';
import { connectionOf, type Environment } from './connection.ts';

const TOKEN = { FOLDLINE_ADMIN_TOKEN: 'secret' };

describe('where a command asks', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-connection-'));
    writeFileSync(join(directory, 'admin-token'), 'kept\n');
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it.each<[string, Environment, string | undefined, string]>([
    ['the loopback address by default', {}, undefined, 'http://127.0.0.1:8080'],
    [
      'the address of the settings',
      { FOLDLINE_HOST: '10.0.0.1', FOLDLINE_PORT: '81' },
      undefined,
      'http://10.0.0.1:81',
    ],
    [
      'this host where the server listens on every address',
      { FOLDLINE_HOST: '0.0.0.0' },
      undefined,
      'http://127.0.0.1:8080',
    ],
    ['the same in IPv6', { FOLDLINE_HOST: '::' }, undefined, 'http://[::1]:8080'],
    ['the URL that was given', { FOLDLINE_PORT: '81' }, 'https://ci.example', 'https://ci.example'],
  ])('is %s', (_, environment, url, expected) => {
    expect(connectionOf({ ...TOKEN, ...environment }, url).url).toBe(expected);
  });

  it.each(['ci.example', 'file:///etc/passwd', 'javascript:alert(1)'])('is not %s', (url) => {
    expect(() => connectionOf(TOKEN, url)).toThrow(expect.objectContaining({ exitCode: EXIT.usage }));
  });

  it('is asked with the token that was given, in a file, or kept by the server', () => {
    const file = join(directory, 'admin-token');
    expect(connectionOf(TOKEN, undefined).token).toBe('secret');
    expect(connectionOf({ FOLDLINE_ADMIN_TOKEN_FILE: file }, undefined).token).toBe('kept');
    expect(connectionOf({ FOLDLINE_DATA_DIR: directory }, undefined).token).toBe('kept');
  });

  it.each<[string, Environment, RegExp]>([
    ['there is none', { FOLDLINE_DATA_DIR: '/nowhere' }, /there is no token: FOLDLINE_ADMIN_TOKEN/],
    ['its file is not there', { FOLDLINE_ADMIN_TOKEN_FILE: '/nowhere/token' }, /cannot be read: ENOENT/],
    ['it is given twice', { ...TOKEN, FOLDLINE_ADMIN_TOKEN_FILE: '/nowhere/token' }, /given twice/],
  ])('is not asked without a token: %s', (_, environment, message) => {
    expect(() => connectionOf(environment, undefined)).toThrow(
      expect.objectContaining({ exitCode: EXIT.usage, message: expect.stringMatching(message) }),
    );
  });
});
