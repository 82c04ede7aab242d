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
 * password.
 */
export const connect = (url: string): EventStoreDBClient => {
  const problem = problemOf(url);
  if (problem !== undefined) throw new PermanentError(`the EventStoreDB connection string ${problem}`);
  let client: EventStoreDBClient;
  try {
    client = EventStoreDBClient.connectionString(url);
  } catch {
    // The client's own error repeats the string.
    throw new PermanentError('the EventStoreDB connection string cannot be read');
  }
  return appendingOneByOne(client);
};

const problemOf = (url: string): string | undefined => {
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
