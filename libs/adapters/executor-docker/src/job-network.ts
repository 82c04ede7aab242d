import { randomBytes } from 'node:crypto';
import type Docker from 'dockerode';

const NONE = 'none';

/** Bridges of jobs are known by how their names begin. */
export const BRIDGE = 'flj-';

/** Names of interfaces may have 15 characters, and are those of the host, whoever has made them. */
const newBridge = (): string => BRIDGE + randomBytes(5).toString('hex');

/**
 * The network of this name, made where there is none; containers in it reach what their host reaches, and not each other.
 * Docker lets two networks have one name when they are made at the same time: all then take the same one of them.
 */
export const networkNamed = async (docker: Docker, name: string): Promise<string> => {
  if (name === NONE) return NONE;
  const known = await firstNamed(docker, name);
  if (known !== undefined) return known;
  const made = await docker.createNetwork({
    Name: name,
    Driver: 'bridge',
    Options: { 'com.docker.network.bridge.name': newBridge(), 'com.docker.network.bridge.enable_icc': 'false' },
  });
  const first = (await firstNamed(docker, name)) ?? made.id;
  if (first !== made.id) await made.remove();
  return first;
};

const firstNamed = async (docker: Docker, name: string): Promise<string | undefined> => {
  const networks = await docker.listNetworks({ filters: { name: [name] } });
  // The filter also finds names that begin with it.
  const [first] = networks.filter(({ Name }) => Name === name).toSorted((a, b) => (a.Created < b.Created ? -1 : 1));
  return first?.Id;
};

/** A network of one attempt, in which its containers find each other by name and nobody else finds them. */
export const networkOf = async (
  docker: Docker,
  Name: string,
  labels: Readonly<Record<string, string>>,
): Promise<Docker.Network> =>
  docker.createNetwork({
    Name,
    Driver: 'bridge',
    Options: { 'com.docker.network.bridge.name': newBridge() },
    Labels: { ...labels },
  });
