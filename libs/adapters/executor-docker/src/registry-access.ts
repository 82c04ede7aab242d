import type { AuthConfig } from 'dockerode';
import { SiteUnavailable } from '@foldline/kernel';

const DOCKER_HUB = 'docker.io';
/** Names under which Docker's own file has its public registry. */
const NAMES_OF_HUB = ['https://index.docker.io/v1/', 'index.docker.io', 'registry-1.docker.io', DOCKER_HUB];

/** The host of the registry that an image is in: the first part of its name, where that can be one. */
export const registryOf = (image: string): string => {
  const [first = '', ...rest] = image.split('/');
  return rest.length > 0 && /[.:]|^localhost$/.test(first) ? first : DOCKER_HUB;
};

type Entry = { auth?: unknown; username?: unknown; password?: unknown; identitytoken?: unknown };

/**
 * With what an image may be fetched. `given` are files as Docker's `config.json` (`auths`), the first that knows the
 * registry wins. Throws where one cannot be read: a registry would only say that nobody may.
 */
export const accessTo = (image: string, given: readonly (string | undefined)[]): AuthConfig | undefined => {
  const registry = registryOf(image);
  const names = registry === DOCKER_HUB ? NAMES_OF_HUB : [registry, `https://${registry}`, `http://${registry}`];
  for (const text of given) {
    if (text === undefined || text.trim() === '') continue;
    const entries = entriesOf(text, image);
    const name = names.find((each) => Object.hasOwn(entries, each));
    if (name !== undefined) return authOf(entries[name]!, registry);
  }
  return undefined;
};

const entriesOf = (text: string, image: string): Readonly<Record<string, Entry>> => {
  try {
    const { auths = {} } = JSON.parse(text) as { auths?: Record<string, Entry> };
    return auths;
  } catch {
    const message = `the credentials for the image ${image} cannot be read: DOCKER_AUTH_CONFIG is not JSON`;
    throw new SiteUnavailable('image_access_denied', message);
  }
};

const authOf = (entry: Entry, serveraddress: string): AuthConfig => {
  const [username, password] =
    typeof entry.auth === 'string' && entry.auth !== ''
      ? atFirstColon(Buffer.from(entry.auth, 'base64').toString())
      : [String(entry.username ?? ''), String(entry.password ?? '')];
  const token = typeof entry.identitytoken === 'string' ? { identitytoken: entry.identitytoken } : {};
  return { username, password, serveraddress, ...token } as AuthConfig;
};

const atFirstColon = (text: string): [string, string] => {
  const at = text.indexOf(':');
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
};
