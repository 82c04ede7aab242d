import { z } from 'zod';
import { Refusal, type RegistryLogin, type RegistryLogins } from '@foldline/kernel';

/** The variable that says who one is at registries, as for GitLab's runner: the file that `docker login` writes. */
export const REGISTRY_LOGINS = 'DOCKER_AUTH_CONFIG';

const config = z.object({
  auths: z.record(
    z.string(),
    z.object({ auth: z.string().optional(), username: z.string().optional(), password: z.string().optional() }),
  ),
});

/** `https://index.docker.io/v1/` is what Docker itself calls Docker Hub. */
const registryIn = (address: string): string => {
  const host = address.replace(/^https?:\/\//, '').split('/')[0]!;
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
};

/** Throws a `Refusal` of code `variable_invalid` that repeats nothing of the value. */
export const loginsIn = (text: string | undefined): RegistryLogins => {
  if (text === undefined || text.trim() === '') return new Map();
  const found = config.safeParse(parsed(text));
  if (!found.success) throw unreadable();
  const logins = Object.entries(found.data.auths).map(([address, entry]): [string, RegistryLogin] => {
    const [username, password] = entry.auth === undefined ? [entry.username, entry.password] : pairIn(entry.auth);
    if (!username || password === undefined) throw unreadable();
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

const pairIn = (auth: string): [string, string?] => {
  const [username = '', ...password] = Buffer.from(auth, 'base64').toString('utf8').split(':');
  return password.length === 0 ? [username] : [username, password.join(':')];
};

const unreadable = (): Refusal =>
  new Refusal(
    'variable_invalid',
    `the variable ${REGISTRY_LOGINS} must be JSON as docker login writes it: {"auths": {"<registry>": {"auth": "<base64 of name:password>"}}}`,
  );
