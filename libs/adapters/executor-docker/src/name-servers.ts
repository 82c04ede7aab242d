import { readFile } from 'node:fs/promises';

/** The second one is where those really are whom a service of the host's own asks, and which the first one names. */
const FILES = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];

const LOOPBACK = /^(?:127\.|::1$)/;

/** Those of a `resolv.conf` that are reached from other hosts, too. */
export const nameServersIn = (text: string): string[] =>
  [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, address]) => address!).filter((each) => !LOOPBACK.test(each));

/**
 * Whom this host asks for names. A daemon in a container finds a name server of its own there, whom its containers do not
 * reach, and would have them ask one of the world's, who does not know the names of a company and may be out of reach.
 */
export const nameServersOfHost = async (): Promise<string[]> => {
  for (const file of FILES) {
    const servers = nameServersIn(await readFile(file, 'utf8').catch(() => ''));
    if (servers.length > 0) return servers;
  }
  return [];
};
