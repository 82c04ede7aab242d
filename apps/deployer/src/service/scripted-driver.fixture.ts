import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import {
  ImageFailure,
  ServiceFailure,
  type ContainerStanding,
  type Images,
  type ImageWork,
  type KnownImage,
  type RegistryLogins,
  type ServiceContainer,
  type ServiceDriver,
} from '@foldline/kernel';

type Container = { wanted: ServiceContainer; server?: Server; address: string; exitCode?: number };

/** Containers that are servers of this process, each on an address of its own; they answer with the name of their image. */
export class ScriptedDriver implements ServiceDriver {
  readonly containers = new Map<string, Container>();
  /** How often each deployment was started. */
  readonly starts: string[] = [];
  /** The status with which the servers of an image answer; 0 ends the container at once. */
  readonly statuses = new Map<string, number>();
  output = '';
  /** The daemon removes nothing now. */
  isAway = false;

  constructor(private readonly port: number) {}

  async start(wanted: ServiceContainer): Promise<ContainerStanding> {
    const { deploymentId, image } = wanted;
    this.starts.push(deploymentId);
    const known = this.containers.get(deploymentId);
    if (!known?.server) await this.run(deploymentId, wanted, this.statuses.get(image) ?? 200);
    return (await this.standing(deploymentId))!;
  }

  async standing(deploymentId: string): Promise<ContainerStanding | undefined> {
    const found = this.containers.get(deploymentId);
    if (!found) return undefined;
    const { server, address, exitCode } = found;
    if (server) return { deploymentId, state: 'running', restarts: 0, address };
    return { deploymentId, state: 'stopped', restarts: 0, ...(exitCode !== undefined && { exitCode }) };
  }

  async deploymentsOf(serviceId: string): Promise<string[]> {
    return [...this.containers]
      .filter(([, { wanted }]) => wanted.serviceId === serviceId)
      .map(([deploymentId]) => deploymentId)
      .toReversed();
  }

  async lastOutput(): Promise<string> {
    return this.output;
  }

  async stop(deploymentId: string): Promise<void> {
    const found = this.containers.get(deploymentId);
    found?.server?.closeAllConnections();
    found?.server?.close();
    delete found?.server;
  }

  async remove(deploymentId: string): Promise<void> {
    if (this.isAway) throw new ServiceFailure('docker_unavailable', 'no answer');
    await this.stop(deploymentId);
    this.containers.delete(deploymentId);
  }

  async close(): Promise<void> {
    for (const deploymentId of this.containers.keys()) await this.stop(deploymentId);
  }

  private async run(deploymentId: string, wanted: ServiceContainer, status: number): Promise<void> {
    const address = `127.0.0.${2 + this.containers.size}`;
    if (status === 0) return void this.containers.set(deploymentId, { wanted, address, exitCode: 7 });
    const server = createServer((_request, answer) => answer.writeHead(status).end(wanted.image));
    server.listen(this.port, address);
    await once(server, 'listening');
    this.containers.set(deploymentId, { wanted, address, server });
  }
}

/** Images that are here by name; what a registry would say of the others is scripted. */
export class KnownImages implements Images {
  readonly pulled: string[] = [];
  /** A registry that never answers. */
  hangs = false;
  refuses: ImageFailure = new ImageFailure('image_not_found', 'there is no such image');
  /** What is said of one image instead. */
  readonly answers = new Map<string, ImageFailure>();

  constructor(private readonly here: Set<string>) {}

  async find(reference: string): Promise<KnownImage | undefined> {
    return this.here.has(reference) ? { id: reference, digests: [] } : undefined;
  }

  async pull(reference: string, _logins: RegistryLogins, { signal }: ImageWork): Promise<KnownImage> {
    this.pulled.push(reference);
    if (this.hangs && !signal.aborted) await once(signal, 'abort');
    signal.throwIfAborted();
    throw this.answers.get(reference) ?? this.refuses;
  }

  build = (): Promise<never> => Promise.reject(new Error('a deployer builds nothing'));
  push = this.build;
  tag = this.build;
}
