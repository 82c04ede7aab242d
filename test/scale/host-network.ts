import { execFile, execFileSync } from 'node:child_process';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { promisify } from 'node:util';
import type { Host } from '@foldline/client';
import { isAlive } from '../acceptance/gate.ts';

const run = promisify(execFile);
const INTERFACE = 'eth0';
/** Names of what is made begin with it and the maker's process id, by which the leavings of the dead are told. */
const PREFIX = 'flh';
const NAMED = new RegExp(`^${PREFIX}([0-9a-z]+)`);
const FIRST_HOST = 11;
const URLS = ['FOLDLINE_EVENTSTORE_URL', 'FOLDLINE_REDIS_URL', 'FOLDLINE_S3_URL'] as const;

/** What a cut host still hears or says: nothing, or one of the two. */
export type Cut = 'both ways' | 'hears nothing' | 'says nothing';
const CHAINS: Record<Cut, readonly string[]> = {
  'both ways': ['INPUT', 'OUTPUT'],
  'hears nothing': ['INPUT'],
  'says nothing': ['OUTPUT'],
};

/** A network namespace with one interface, a process tree of its own in it, that takes the place of a machine. */
export class NetworkHost implements Host {
  constructor(
    readonly name: string,
    readonly namespace: string,
    readonly address: string,
    private readonly network: HostNetwork,
  ) {}

  get within(): readonly string[] {
    return ['ip', 'netns', 'exec', this.namespace];
  }

  async there(settings: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>> {
    const reached: Record<string, string> = { ...settings, FOLDLINE_RUNNERS: `${this.name}:high-power:2` };
    for (const name of URLS) {
      const here = new URL(settings[name]!).port;
      reached[name] = settings[name]!.replace(`127.0.0.1:${here}`, await this.network.forwarded(Number(here)));
    }
    return reached;
  }

  /** Packets are dropped, as by a wire that was pulled out; nobody is told. */
  async cut(how: Cut): Promise<void> {
    for (const chain of CHAINS[how])
      await run('ip', [...this.within.slice(1), 'iptables', '-w', '-A', chain, ...deviceOf(chain), '-j', 'DROP']);
  }

  async heal(): Promise<void> {
    await run('ip', [...this.within.slice(1), 'iptables', '-w', '-F']);
  }

  /** Everything that runs there. */
  async pids(): Promise<number[]> {
    return pidsIn((await run('ip', ['netns', 'pids', this.namespace])).stdout);
  }

  /** As `readlink /proc/self/ns/net` says it there. */
  async identity(): Promise<string> {
    const { stdout } = await run('ip', [...this.within.slice(1), 'readlink', '/proc/self/ns/net']);
    return stdout.trim();
  }
}

/** Hosts on one wire with this machine, which is reached at the network's own address and nowhere else. */
export class HostNetwork {
  readonly hosts: readonly NetworkHost[];
  readonly address: string;
  private readonly doors = new Map<number, Promise<string>>();
  private readonly servers: Server[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(
    readonly name: string,
    private readonly subnet: string,
    names: readonly string[],
  ) {
    this.address = `${subnet}.1`;
    this.hosts = names.map((host, n) => new NetworkHost(host, `${name}-${n}`, `${subnet}.${FIRST_HOST + n}`, this));
  }

  /** Needs root. Takes away first what tests have left behind that could not. */
  static async create(names: readonly string[]): Promise<HostNetwork> {
    removeLeavings();
    const network = new HostNetwork(`${PREFIX}${process.pid.toString(36)}`, await freeSubnet(), names);
    try {
      await network.build();
    } catch (error) {
      await network.remove();
      throw error;
    }
    return network;
  }

  /** Where hosts reach a server on this machine's loopback. */
  forwarded(port: number): Promise<string> {
    const door = this.doors.get(port) ?? this.open(port);
    this.doors.set(port, door);
    return door;
  }

  async remove(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await Promise.all(this.servers.map((server) => new Promise((resolve) => server.close(resolve))));
    removeAll(this.name);
  }

  private async build(): Promise<void> {
    await run('ip', ['link', 'add', this.name, 'type', 'bridge']);
    await run('ip', ['address', 'add', `${this.address}/24`, 'dev', this.name]);
    await run('ip', ['link', 'set', this.name, 'up']);
    for (const [n, { namespace, address }] of this.hosts.entries()) {
      const wire = `${this.name}v${n}`;
      await run('ip', ['netns', 'add', namespace]);
      await run('ip', ['link', 'add', wire, 'type', 'veth', 'peer', 'name', INTERFACE, 'netns', namespace]);
      await run('ip', ['link', 'set', wire, 'master', this.name, 'up']);
      await run('ip', ['-n', namespace, 'address', 'add', `${address}/24`, 'dev', INTERFACE]);
      await run('ip', ['-n', namespace, 'link', 'set', INTERFACE, 'up']);
      await run('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
    }
  }

  private async open(port: number): Promise<string> {
    const server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.sockets.add(socket);
        socket.setNoDelay();
        socket.pipe(other);
        // A connection that breaks at one end is broken at the other, too.
        socket.on('error', () => other.destroy());
        socket.on('close', () => {
          this.sockets.delete(socket);
          other.destroy();
        });
      }
    });
    this.servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, this.address, resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a door has no port');
    return `${this.address}:${address.port}`;
  }
}

const deviceOf = (chain: string): string[] => [chain === 'INPUT' ? '-i' : '-o', INTERFACE];

const pidsIn = (text: string): number[] => text.split('\n').filter(Boolean).map(Number);

/** The first two numbers are one organisation's own (RFC 1918) and rarely used. */
const freeSubnet = async (): Promise<string> => {
  for (let third = process.pid % 256, tries = 0; tries < 256; third = (third + 1) % 256, tries += 1) {
    const subnet = `10.214.${third}`;
    if ((await run('ip', ['-4', 'route', 'show', `${subnet}.0/24`])).stdout.trim() === '') return subnet;
  }
  throw new Error('there is no free network below 10.214.0.0/16');
};

const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' });

/** Processes, then namespaces, which takes their interfaces and rules away, then the bridge. */
const removeAll = (name: string): void => {
  for (const namespace of namespaces().filter((one) => one.startsWith(`${name}-`))) {
    for (const pid of pidsIn(ip('netns', 'pids', namespace))) kill(pid);
    ip('netns', 'delete', namespace);
  }
  if (bridges().includes(name)) ip('link', 'delete', name);
};

const removeLeavings = (): void => {
  const names = [...namespaces(), ...bridges()]
    .flatMap((one) => NAMED.exec(one) ?? [])
    .filter((one) => one.startsWith(PREFIX));
  for (const name of new Set(names)) if (!isAlive(Number.parseInt(name.slice(PREFIX.length), 36))) removeAll(name);
};

const namespaces = (): string[] =>
  ip('netns', 'list')
    .split('\n')
    .map((line) => line.split(' ')[0]!)
    .filter(Boolean);

const bridges = (): string[] =>
  ip('-brief', 'link', 'show', 'type', 'bridge')
    .split('\n')
    .map((line) => line.split(' ')[0]!)
    .filter(Boolean);

const kill = (pid: number): void => {
  if (isAlive(pid)) process.kill(pid, 'SIGKILL');
};
