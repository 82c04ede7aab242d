import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { PermanentError } from '@foldline/kernel';
import { connect } from './connection.ts';

const refusalOf = (url: string): Error => {
  try {
    connect(url);
  } catch (error) {
    return error as Error;
  }
  throw new Error('accepted');
};

describe('the connection string', () => {
  it.each([
    'esdb://127.0.0.1:2113?tls=false',
    'esdb://one:2113,two:2113?tls=false&nodePreference=leader',
    'esdb+discover://user:password@cluster.example:2113',
    'esdb://user:p%40ss@one:2113?tls=true&keepAliveInterval=10000',
    'esdb://one',
  ])('may be %s', (url) => {
    expect(connect(url)).toBeDefined();
  });

  it.each([
    ['another protocol', 'http://one:2113'],
    ['nothing', ''],
    ['no host', 'esdb://?tls=false'],
    ['an option that nobody knows', 'esdb://one:2113?tsl=false'],
    ['a check that would not be made', 'esdb://one:2113?tlsVerifyCert=false'],
    ['an answer that would be misread', 'esdb://one:2113?throwOnAppendFailure=false'],
    ['a value that is none', 'esdb://one:2113?tls=no'],
    ['a file that is not there', 'esdb://one:2113?tlsCAFile=/nowhere/ca.crt'],
  ])('is refused with %s', (_what, url) => {
    expect(refusalOf(url)).toBeInstanceOf(PermanentError);
  });

  it('is refused with credentials that would be left out for want of TLS', () => {
    expect(refusalOf('esdb://user:secret@one:2113?tls=false').message).toContain('no TLS');
  });

  it.each(['esdb://one:2113?tls=false', 'esdb://one:2113?tlsCAFile=/etc/ca.pem'])(
    'is refused with an authority that it has no use for (%s)',
    (url) => expect(() => connect(url, 'PEM')).toThrow('an authority is given besides'),
  );

  it.each(['esdb://one:2113', 'esdb://one:2113?nodePreference=leader'])(
    'leaves no file behind of the authority that is given beside it (%s)',
    (url) => {
      const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith('foldline-ca-'));
      const before = left();
      expect(connect(url, '-----BEGIN CERTIFICATE-----')).toBeDefined();
      expect(left()).toEqual(before);
    },
  );

  it.each(['esdb://user:secret@one:2113?tls=no', 'esdb://user:secret@one:2113?a=b', 'http://user:secret@one'])(
    'is not repeated when it is refused, for the password in it (%s)',
    (url) => {
      const refusal = refusalOf(url);
      expect(`${refusal.message} ${String(refusal.cause)}`).not.toContain('secret');
    },
  );
});
