import { createServer } from 'node:net';
import { Refusal, systemCode } from '@foldline/kernel';

type PortSetting = 'FOLDLINE_PORT' | 'FOLDLINE_OPS_PORT';

const reasons = (portSetting: PortSetting): Readonly<Record<string, string>> => ({
  EADDRINUSE: `something else listens there already; ${portSetting} chooses another port`,
  EADDRNOTAVAIL: 'this machine has no such address; FOLDLINE_HOST names the one to listen on',
  ENOTFOUND: 'no such host is known; FOLDLINE_HOST names the address to listen on',
  EAI_AGAIN: 'no such host is known; FOLDLINE_HOST names the address to listen on',
  EAFNOSUPPORT: 'this machine has no such kind of address; FOLDLINE_HOST names the address to listen on',
  EACCES: `this user may not listen there; ${portSetting} chooses another port`,
});

/** What the operating system says against listening there, as the refusal `cannot_listen`; everything else as it is. */
export const listenFailure = (
  error: unknown,
  host: string,
  port: number,
  portSetting: PortSetting = 'FOLDLINE_PORT',
): unknown => {
  const reason = reasons(portSetting)[systemCode(error) ?? ''];
  return reason === undefined
    ? error
    : new Refusal('cannot_listen', `Cannot listen on ${host}:${port}: ${reason}`, { host, port });
};

/** Listens for a moment, so that an address that cannot be had is known before any work has begun. */
export const assertCanListen = (host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => reject(listenFailure(error, host, port)));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()));
  });
