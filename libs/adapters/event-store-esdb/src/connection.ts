import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventStoreDBClient } from '@eventstore/db-client';
import { PermanentError } from '@foldline/kernel';

/** What a connection string may say; the client would print a warning about anything else and go on without it. */
const OPTIONS = new Set([
  'connectionname',
  'defaultdeadline',
  'discoveryinterval',
  'gossiptimeout',
  'keepaliveinterval',
  'keepalivetimeout',
  'maxdiscoverattempts',
  'nodepreference',
  'tls',
  'tlscafile',
  'usercertfile',
  'userkeyfile',
]);

/**
 * The client for a connection string such as `esdb+discover://user:password@host:2113?tlsCAFile=/etc/ca.crt`, or
 * `esdb://127.0.0.1:2113?tls=false` where there is no TLS, which must be said. Connects at the first call. Throws
 * `PermanentError` for a string that does not say what it means; the message never repeats the string, which may hold a
 * password. `certificateAuthority` is PEM and stands for a file that `tlsCAFile` would name.
 */
export const connect = (url: string, certificateAuthority?: string): EventStoreDBClient => {
  const problem = problemOf(url, certificateAuthority);
  if (problem !== undefined) throw new PermanentError(`the EventStoreDB connection string ${problem}`);
  return appendingOneByOne(
    certificateAuthority === undefined
      ? clientOf(url)
      : withFile(certificateAuthority, (path) => clientOf(`${url}${url.includes('?') ? '&' : '?'}tlsCAFile=${path}`)),
  );
};

const clientOf = (url: string): EventStoreDBClient => {
  try {
    return EventStoreDBClient.connectionString(url);
  } catch {
    // The client's own error repeats the string.
    throw new PermanentError('the EventStoreDB connection string cannot be read');
  }
};

/** The client takes the authority by the name of a file only, and reads it at once. */
const withFile = <Result>(text: string, use: (path: string) => Result): Result => {
  const directory = mkdtempSync(join(tmpdir(), 'foldline-ca-'));
  try {
    const path = join(directory, 'ca.pem');
    writeFileSync(path, text);
    return use(path);
  } finally {
    rmSync(directory, { recursive: true });
  }
};

const problemOf = (url: string, certificateAuthority: string | undefined): string | undefined => {
  const parts = /^esdb(?:\+discover)?:\/\/(?:(?<credentials>[^@/?]*)@)?[^@/?]+\/?(?:\?(?<query>[^?]*))?$/.exec(url);
  if (!parts) return 'does not read esdb://[user:password@]host:port[?key=value&…]';
  const settings = new Map<string, string>();
  for (const pair of parts.groups?.['query']?.split('&') ?? []) {
    const [key = '', value = ''] = pair.split('=', 2);
    const name = key.toLowerCase().replaceAll(/[_-]/g, '');
    if (!OPTIONS.has(name)) return `has the option "${key.slice(0, 40)}", which has no effect here`;
    settings.set(name, value);
  }
  if (settings.get('tls') === 'false' && parts.groups?.['credentials'] !== undefined)
    return 'has credentials and no TLS; they would not be sent';
  if (certificateAuthority !== undefined && (settings.get('tls') === 'false' || settings.has('tlscafile')))
    return 'has tls=false or a tlsCAFile, and an authority is given besides';
  return undefined;
};

/**
 * Where a server offers it, the client sends all appends through one shared stream, whose bookkeeping is common to all
 * clients of a process: an error of one fails the appends of others, no deadline holds, and an answer to an append that
 * was failed so throws where nobody can catch it. One call for each append has none of that.
 */
const appendingOneByOne = (client: EventStoreDBClient): EventStoreDBClient => {
  if (!('supports' in client)) throw new PermanentError('this version of the EventStoreDB client is not known');
  return Object.assign(client, { supports: async () => false });
};
