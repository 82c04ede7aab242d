import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Refusal, systemCode, TransientError } from '@foldline/kernel';
import { isPublicAddress } from './public-address.ts';

export type Address = { address: string; family: number };
/** A web address with the only IP addresses that a connection to it may use. */
export type Target = { url: URL; addresses: readonly Address[] };
export type Resolve = (hostname: string) => Promise<readonly Address[]>;

const LOOKUP_MS = 5_000;

const resolveWithSystem: Resolve = (hostname) => lookup(hostname, { all: true, verbatim: true });

/**
 * Looks up where a message would go and refuses what is not on the open Internet (unless `allowPrivate`). All
 * addresses of the name must pass; whoever connects must use these and not ask again, or the name could change
 * its meaning in between.
 *
 * @throws Refusal `invalid_target` or `private_target`; TransientError when the name cannot be looked up now.
 */
export const checkTarget = async (
  address: string,
  allowPrivate: boolean,
  resolve: Resolve = resolveWithSystem,
): Promise<Target> => {
  const url = webUrl(address);
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(hostname);
  const addresses = family === 0 ? await resolved(hostname, resolve) : [{ address: hostname, family }];
  if (addresses.length === 0) throw new TransientError('the name has no address');
  if (!allowPrivate && !addresses.every((found) => isPublicAddress(found.address))) {
    throw new Refusal('private_target', 'the address is not on the open Internet');
  }
  return { url, addresses };
};

/** No message here repeats the address: with many receivers it is itself the secret. */
const webUrl = (text: string): URL => {
  if (!URL.canParse(text)) throw new Refusal('invalid_target', 'the address is not a URL');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new Refusal('invalid_target', 'the address is neither https nor http');
  }
  if (url.username !== '' || url.password !== '') {
    throw new Refusal('invalid_target', 'the address holds a user name or password');
  }
  return url;
};

const resolved = async (hostname: string, resolve: Resolve): Promise<readonly Address[]> => {
  const deadline = AbortSignal.timeout(LOOKUP_MS);
  const late = new Promise<never>((_resolve, reject) => {
    deadline.addEventListener('abort', () => reject(new TransientError('the name was not looked up in time')), {
      once: true,
    });
  });
  try {
    return await Promise.race([resolve(hostname), late]);
  } catch (error) {
    if (error instanceof TransientError) throw error;
    throw new TransientError(`the name could not be looked up (${systemCode(error) ?? 'unknown'})`, { cause: error });
  }
};
