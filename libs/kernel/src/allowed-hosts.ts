/** Hosts that an operator allows. `host` is as a URL spells it; with `below` every name under it is meant, and not it. */
export type AllowedHost = { protocol: 'https:' | 'http:'; host: string; port: string; below?: true };

const WRITTEN = /^(?:(https?):\/\/)?(\*\.)?([^/?#@*\s]+)$/i;

/** `host`, `host:port`, `*.domain`, and each of them behind `http://` where that may be unencrypted; nothing for another text. */
export const allowedHost = (written: string): AllowedHost | undefined => {
  const [, scheme = 'https', wildcard, rest] = WRITTEN.exec(written) ?? [];
  const address = `${scheme.toLowerCase()}://${rest}`;
  if (rest === undefined || !URL.canParse(address)) return undefined;
  const { protocol, hostname, port } = new URL(address);
  if (protocol !== 'https:' && protocol !== 'http:') return undefined;
  return { protocol, host: hostname, port, ...(wildcard !== undefined && { below: true }) };
};

export const isAllowedHost = (hosts: readonly AllowedHost[], { protocol, hostname, port }: URL): boolean =>
  hosts.some(
    (allowed) =>
      allowed.protocol === protocol &&
      allowed.port === port &&
      (allowed.below ? hostname.endsWith(`.${allowed.host}`) : hostname === allowed.host),
  );
