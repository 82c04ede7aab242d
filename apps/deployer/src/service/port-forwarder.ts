import { createServer, connect, type Server, type Socket } from 'node:net';
import { ServiceFailure } from '@foldline/kernel';

/** Where connections go; asked again for each, since a container that comes back has another address. */
type Target = () => Promise<{ address: string; port: number } | undefined>;

/** One port of the host, whose connections go to whatever was deployed last. */
class Forwarded {
  private target: Target = () => Promise.resolve(undefined);
  private sockets = new Set<Socket>();
  /** Connections to what was deployed before. */
  private older = new Set<Socket>();

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => void this.forward(socket));
  }

  static async listen(host: string, port: number): Promise<Forwarded> {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    }).catch((error: unknown) => {
      throw new ServiceFailure('port_taken', `port ${port} of the host cannot be used: ${String(error)}`, {
        cause: error,
      });
    });
    server.on('error', () => undefined);
    return new Forwarded(server);
  }

  /** Connections from now on; those that are open stay where they are. */
  direct(target: Target): void {
    this.target = target;
    this.older = new Set([...this.older, ...this.sockets]);
    this.sockets = new Set();
  }

  get isDrained(): boolean {
    return this.older.size === 0;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const socket of [...this.older, ...this.sockets]) socket.destroy();
    await closed;
  }

  private async forward(socket: Socket): Promise<void> {
    this.keep(socket);
    const place = await this.target().catch(() => undefined);
    if (!place || socket.destroyed) return void socket.destroy();
    const behind = connect({ host: place.address, port: place.port, allowHalfOpen: true });
    this.keep(behind);
    // What was said last is still handed over.
    behind.once('close', () => socket.destroySoon());
    socket.once('close', () => behind.destroySoon());
    socket.pipe(behind).pipe(socket);
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      this.sockets.delete(socket);
      this.older.delete(socket);
    });
  }
}

/** The published ports of services: nothing is refused while another deployment takes over. */
export class PortForwarder {
  private readonly open = new Map<number, { serviceId: string; port: Promise<Forwarded> }>();

  constructor(private readonly host: string) {}

  /** Takes the ports for a service. Throws a `ServiceFailure` of code `port_taken`, and then has taken none of them. */
  async take(serviceId: string, ports: readonly number[]): Promise<void> {
    const taken: number[] = [];
    try {
      for (const port of ports) {
        const known = this.open.get(port);
        if (known && known.serviceId !== serviceId)
          throw new ServiceFailure('port_taken', `port ${port} of the host is another service’s`);
        if (known) continue;
        const listening = Forwarded.listen(this.host, port);
        this.open.set(port, { serviceId, port: listening });
        taken.push(port);
        await listening;
      }
    } catch (error) {
      await this.release(taken);
      throw error;
    }
  }

  /** Sends what comes to the service's ports to this target, and gives back the ports that it has no more. */
  async direct(serviceId: string, targets: ReadonlyMap<number, Target>): Promise<void> {
    const left: number[] = [];
    for (const [number, { serviceId: owner, port }] of this.open) {
      if (owner !== serviceId) continue;
      const target = targets.get(number);
      if (target) (await port).direct(target);
      else left.push(number);
    }
    await this.release(left);
  }

  /** Whether nobody is connected any more with what the service was before. */
  async isDrained(serviceId: string): Promise<boolean> {
    const own = [...this.open.values()].filter((each) => each.serviceId === serviceId);
    return (await Promise.all(own.map(({ port }) => port))).every((port) => port.isDrained);
  }

  async close(): Promise<void> {
    await this.release([...this.open.keys()]);
  }

  private async release(ports: readonly number[]): Promise<void> {
    for (const number of ports) {
      const known = this.open.get(number);
      this.open.delete(number);
      await known?.port.then(
        (port) => port.close(),
        () => undefined,
      );
    }
  }
}
