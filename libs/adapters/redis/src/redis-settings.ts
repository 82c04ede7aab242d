import { PermanentError } from '@foldline/kernel';

export type RedisSettings = {
  /** `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS. Secret, for the password in it. */
  url: string;
  /** Wins over the URL's. */
  username?: string;
  password?: string;
  /** PEM texts, only with `rediss://`; the system's authorities are trusted when there is no `ca`. */
  tls?: { ca?: string; cert?: string; key?: string };
  /** Begins every key and channel, so that several instances may share a server. `foldline` when absent. */
  keyPrefix?: string;
  /** After this a call without an answer fails. 5,000 when absent. */
  commandTimeoutMs?: number;
  /** How long a call waits for a connection that is being made anew before it fails. 1,000 when absent. */
  connectionWaitMs?: number;
};

/** Settings after the check, in the client's words. */
export type CheckedSettings = {
  host: string;
  port: number;
  db: number;
  username?: string;
  password?: string;
  tls?: { ca?: string; cert?: string; key?: string; servername?: string };
  keyPrefix: string;
  commandTimeoutMs: number;
  connectionWaitMs: number;
};

const DEFAULT_PORT = 6379;
const DATABASE = /^\/?$|^\/(\d{1,4})$/;
const PREFIX = /^[A-Za-z0-9_.:-]{1,100}$/;

/** Throws `PermanentError` naming what is wrong, never the URL itself. */
export const checkSettings = (settings: RedisSettings): CheckedSettings => {
  const url = parse(settings.url);
  const secure = url.protocol === 'rediss:';
  if (settings.tls && !secure) throw new PermanentError('TLS for Redis is set, but its URL begins with redis://');
  const database = DATABASE.exec(url.pathname);
  if (!database) throw new PermanentError("the path of Redis's URL is no number of a database");
  const keyPrefix = settings.keyPrefix ?? 'foldline';
  if (!PREFIX.test(keyPrefix))
    throw new PermanentError('the key prefix for Redis has other characters than A-Za-z0-9_.:-');
  const username = settings.username ?? decoded(url.username);
  const password = settings.password ?? decoded(url.password);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    db: Number(database[1] ?? 0),
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    ...(secure ? { tls: { ...settings.tls } } : {}),
    keyPrefix,
    commandTimeoutMs: bounded(settings.commandTimeoutMs ?? 5_000, 'commandTimeoutMs'),
    connectionWaitMs: bounded(settings.connectionWaitMs ?? 1_000, 'connectionWaitMs'),
  };
};

const parse = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '')
    throw new PermanentError('the URL of Redis is not of the form redis://host:port or rediss://host:port');
  if (url.search !== '' || url.hash !== '') throw new PermanentError("Redis's URL has a query or a fragment");
  return url;
};

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new PermanentError("the user or password in Redis's URL is not percent-encoded as it should be");
  }
};

const bounded = (ms: number, name: string): number => {
  if (!Number.isInteger(ms) || ms < 1 || ms > 600_000) throw new PermanentError(`${name} is not between 1 and 600000`);
  return ms;
};
