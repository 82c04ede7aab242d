import { Refusal } from './errors.ts';
import type { RegistryLogin, RegistryLogins } from './ports/images.port.ts';

/** The variable that says who one is at registries, as for GitLab's runner: the file that `docker login` writes. */
export const REGISTRY_LOGINS = 'DOCKER_AUTH_CONFIG';

/** The registry that an image's name begins with; without one it is Docker Hub's (distribution/reference). */
export const registryOf = (reference: string): string => {
  const first = reference.split('/')[0]!;
  const isHost = reference.includes('/') && (/[.:]/.test(first) || first === 'localhost');
  return isHost ? first : 'docker.io';
};

/** `https://index.docker.io/v1/` is what Docker itself calls Docker Hub. */
const registryIn = (address: string): string => {
  const host = address.replace(/^https?:\/\//, '').split('/')[0]!;
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
};

/** Said to whoever gives such logins. */
export const HELPERS_NOT_ASKED = `${REGISTRY_LOGINS} names credential helpers, which are not asked: only logins under auths count`;

/** Whether it says of any registry that a program of its writer's machine keeps the login. */
export const namesHelpers = (text: string | undefined): boolean => {
  const file = text === undefined ? undefined : parsed(text);
  if (typeof file !== 'object' || file === null) return false;
  const { credsStore, credHelpers } = file as Record<string, unknown>;
  const helpers = typeof credHelpers === 'object' && credHelpers !== null ? Object.keys(credHelpers) : [];
  return Boolean(credsStore) || helpers.length > 0;
};

/** What helpers keep is left out. Throws a `Refusal` of code `variable_invalid` that repeats nothing of the value. */
export const loginsIn = (text: string | undefined): RegistryLogins => {
  if (text === undefined || text.trim() === '') return new Map();
  const file = mapIn(parsed(text));
  const helped = namesHelpers(text);
  const auths = Object.entries(mapIn(file['auths'] ?? (helped ? {} : undefined))).map(
    ([address, entry]) => [address, mapIn(entry)] as const,
  );
  const logins = auths
    .filter(([, entry]) => !helped || Object.keys(entry).length > 0)
    .map(([address, { auth, username: given, password: secret }]): [string, RegistryLogin] => {
      const [username, password] = typeof auth === 'string' ? pairIn(auth) : [given, secret];
      if (typeof username !== 'string' || username === '' || typeof password !== 'string') throw unreadable();
      return [registryIn(address), { username, password }];
    });
  return new Map(logins);
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const mapIn = (value: unknown): Record<string, unknown> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unreadable();
  return value as Record<string, unknown>;
};

const pairIn = (auth: string): [string, string?] => {
  const [username = '', ...password] = Buffer.from(auth, 'base64').toString('utf8').split(':');
  return password.length === 0 ? [username] : [username, password.join(':')];
};

const unreadable = (): Refusal =>
  new Refusal(
    'variable_invalid',
    `the variable ${REGISTRY_LOGINS} must be JSON as docker login writes it: {"auths": {"<registry>": {"auth": "<base64 of name:password>"}}}`,
  );
