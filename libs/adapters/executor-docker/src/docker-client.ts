import { request } from 'node:http';
import type Docker from 'dockerode';

/** Who takes longer to say that it is there is of no use now. */
const PING_MS = 1_000;

export type DockerDaemon = {
  /** The library is loaded when it is needed: it would make every start slower. */
  client: () => Promise<Docker>;
  /** Whether the daemon is there now, asked as often as runners are asked what they offer. */
  answers: () => Promise<boolean>;
};

/** `unix:///path` */
export const openDocker = (address: string): DockerDaemon => dockerAt(new URL(address).pathname);

/** By the path of its socket. */
export const dockerAt = (socketPath: string): DockerDaemon => {
  let opened: Promise<Docker> | undefined;
  return { client: () => (opened ??= connect(socketPath)), answers: () => ping(socketPath) };
};

const connect = async (socketPath: string): Promise<Docker> => {
  const { default: Client } = await import('dockerode');
  return new Client({ socketPath });
};

/** Docker Engine API, "Ping". */
const ping = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const asked = request({ socketPath, path: '/_ping', timeout: PING_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(false));
    asked.end();
  });
