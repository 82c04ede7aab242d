import { readFileSync } from 'node:fs';
import { AccessDenied, PermanentError, Refusal, TransientError, type Logger } from '@foldline/kernel';
import type { ServerSettings } from '@foldline/host';
import { mistakeAt, type Door, type Mistake } from './tls-handshake.ts';

const DEFAULT_PORT = { eventStore: 2113, redis: 6379, https: 443, http: 80 };
/** How long a start waits for a server that it can do without. */
const PATIENCE_MS = 5_000;

/** How the settings of a server are called, and where they lead. */
type Access = {
  server: string;
  doors: (servers: ServerSettings) => Door[];
  /** Say who we are. */
  credentials: string;
  /** Say where the server is. */
  address: string;
  authority: string;
  /** Turns TLS on and off. */
  withTls: string;
  withoutTls: string;
  certificate?: string;
};

const doorOf = (host: string, port: number, tls: Door['tls'] | false): Door => ({
  host: host.replace(/^\[|\]$/g, ''),
  port,
  ...(tls ? { tls } : {}),
});
const caOf = (ca: string | undefined): Door['tls'] => (ca === undefined ? {} : { ca });

const CONNECTION_STRING = /^esdb(?:\+discover)?:\/\/(?:[^@/?]*@)?([^/?]+)\/?(?:\?(.*))?$/;

const eventStoreDoors = ({ eventStore: { url, certificateAuthority } }: ServerSettings): Door[] => {
  const [, hosts = '', query = ''] = CONNECTION_STRING.exec(url) ?? [];
  const options = new Map(query.split('&').map((pair) => [/^[^=]*/.exec(pair)![0].toLowerCase(), pair] as const));
  const file = options.get('tlscafile')?.replace(/^[^=]*=/, '');
  const ca = certificateAuthority ?? (file === undefined ? undefined : readFileSync(file, 'utf8'));
  const isPlain = options.get('tls')?.toLowerCase() === 'tls=false';
  return hosts.split(',').map((address) => {
    const [host = '', port = DEFAULT_PORT.eventStore] = address.split(':');
    return doorOf(host, Number(port), !isPlain && caOf(ca));
  });
};

export const ACCESS = {
  eventStore: {
    server: 'EventStoreDB',
    doors: eventStoreDoors,
    credentials: 'the user and the password in FOLDLINE_EVENTSTORE_URL',
    address: 'FOLDLINE_EVENTSTORE_URL',
    authority: 'FOLDLINE_EVENTSTORE_CA',
    withTls: 'leave tls=false out of FOLDLINE_EVENTSTORE_URL',
    withoutTls: 'write tls=false into FOLDLINE_EVENTSTORE_URL',
  },
  kafka: {
    server: 'Kafka',
    doors: ({ kafka: { brokers, tls } }) =>
      brokers.map((broker) => {
        const [host = '', port] = broker.split(':');
        return doorOf(host, Number(port), tls ?? false);
      }),
    credentials: 'FOLDLINE_KAFKA_SASL, FOLDLINE_KAFKA_USERNAME and FOLDLINE_KAFKA_PASSWORD',
    address: 'FOLDLINE_KAFKA_BROKERS',
    authority: 'FOLDLINE_KAFKA_CA',
    withTls: 'set FOLDLINE_KAFKA_TLS=true',
    withoutTls: 'set FOLDLINE_KAFKA_TLS=false',
    certificate: 'FOLDLINE_KAFKA_CERTIFICATE',
  },
  redis: {
    server: 'Redis',
    doors: ({ redis }) => {
      const { protocol, hostname, port } = new URL(redis.url);
      return [doorOf(hostname, Number(port || DEFAULT_PORT.redis), protocol === 'rediss:' && (redis.tls ?? {}))];
    },
    credentials: 'the user and the password in FOLDLINE_REDIS_URL',
    address: 'FOLDLINE_REDIS_URL',
    authority: 'FOLDLINE_REDIS_CA',
    withTls: 'let FOLDLINE_REDIS_URL begin with rediss://',
    withoutTls: 'let FOLDLINE_REDIS_URL begin with redis://',
    certificate: 'FOLDLINE_REDIS_CERTIFICATE',
  },
  s3: {
    server: 'S3',
    doors: ({ s3: { endpoint, certificateAuthority } }) => {
      const { protocol, hostname, port } = new URL(endpoint);
      const secure = protocol === 'https:';
      const known = secure ? DEFAULT_PORT.https : DEFAULT_PORT.http;
      return [doorOf(hostname, Number(port || known), secure && caOf(certificateAuthority))];
    },
    credentials: 'FOLDLINE_S3_ACCESS_KEY and FOLDLINE_S3_SECRET_KEY',
    address: 'FOLDLINE_S3_URL',
    authority: 'FOLDLINE_S3_CA',
    withTls: 'let FOLDLINE_S3_URL begin with https://',
    withoutTls: 'let FOLDLINE_S3_URL begin with http://',
  },
} as const satisfies Record<string, Access>;

const sayingOf = (mistake: Mistake, access: Access): string | undefined => {
  const { authority, address, withTls, withoutTls, certificate } = access;
  switch (mistake) {
    case 'needs TLS':
      return `it speaks TLS there: ${withTls}`;
    case 'has no TLS':
      return `it speaks no TLS there: ${withoutTls}, or give the port that does by ${address}`;
    case 'authority unknown':
      return `its certificate is signed by an authority that is not known here: give that authority’s certificate by ${authority}_FILE`;
    case 'other name':
      return `its certificate is for another host: give a name that stands in it by ${address}`;
    case 'out of date':
      return 'its certificate is out of date: renew it there';
    case 'wants a certificate':
      return `it wants to see a certificate, or another one: ${certificate ? `give one that it knows by ${certificate}_FILE` : 'that cannot be given'}`;
    default:
      return undefined;
  }
};

/**
 * Opens the way to a server. What the operator has to mend becomes a refusal that names the settings, as a wrong setting
 * does at any start; never with a secret. What may pass stays as it is.
 */
export const reaching = async <Result>(
  name: keyof typeof ACCESS,
  servers: ServerSettings,
  open: () => Promise<Result>,
): Promise<Result> => {
  try {
    return await open();
  } catch (error) {
    throw await explained(ACCESS[name], servers, error);
  }
};

/** The same for a server that a process can be started without: when it cannot be reached now, it is reached later. */
export const reachingIfThere = async (
  name: keyof typeof ACCESS,
  servers: ServerSettings,
  open: () => Promise<unknown>,
  logger: Logger,
): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const notYet = (): void => reject(new TransientError(`${ACCESS[name].server} does not answer`));
    timer = setTimeout(notYet, PATIENCE_MS);
  });
  try {
    await reaching(name, servers, () => Promise.race([open(), late]));
  } catch (err) {
    if (!(err instanceof TransientError)) throw err;
    logger.warn({ err }, `${ACCESS[name].server} cannot be reached yet; the service begins without it`);
  } finally {
    clearTimeout(timer);
  }
};

const explained = async (access: Access, servers: ServerSettings, error: unknown): Promise<unknown> => {
  if (error instanceof AccessDenied) return refusal(`${error.message}. See ${access.credentials}`);
  if (!(error instanceof TransientError) && !(error instanceof PermanentError)) return error;
  const doors = access.doors(servers);
  const mistakes = await Promise.all(doors.map(mistakeAt));
  // One of several that cannot be spoken to is no reason to stop.
  if (!mistakes.includes('none')) {
    const index = mistakes.findIndex((mistake) => sayingOf(mistake, access) !== undefined);
    const door = doors[index];
    if (door) return refusal(`${access.server} at ${door.host}:${door.port}: ${sayingOf(mistakes[index]!, access)}`);
  }
  return error;
};

const refusal = (what: string): Refusal =>
  new Refusal('invalid_settings', `The settings do not fit the servers:\n  - ${what}`);
