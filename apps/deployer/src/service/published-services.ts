import { Inject, Injectable } from '@nestjs/common';
import type { PublishedPort, WantedDeployment } from '@foldline/contracts';
import { PORT, type Clock, type ServiceDriver, type Settings } from '@foldline/kernel';
import { PortForwarder } from './port-forwarder.ts';

/** How long the address of a container is taken for what it was. */
const KNOWN_MS = 500;

type Running = Pick<WantedDeployment, 'deploymentId' | 'serviceId' | 'run'>;

/** The ports at which services are reached, on the address that this server listens on. */
@Injectable()
export class PublishedServices {
  private readonly forwarder: PortForwarder;
  private readonly running = new Map<string, Running>();

  constructor(
    @Inject(PORT.settings) settings: Settings,
    @Inject(PORT.serviceDriver) private readonly driver: ServiceDriver,
    @Inject(PORT.clock) private readonly clock: Clock,
  ) {
    this.forwarder = new PortForwarder(settings.host);
  }

  /** Before anything is started that could not be reached afterwards. */
  async take(serviceId: string, ports: readonly PublishedPort[]): Promise<void> {
    await this.forwarder.take(
      serviceId,
      ports.map(({ host }) => host),
    );
  }

  async direct(to: Running): Promise<void> {
    this.running.set(to.serviceId, to);
    await this.forwarder.direct(to.serviceId, this.targetsOf(to));
  }

  isDrained(serviceId: string): Promise<boolean> {
    return this.forwarder.isDrained(serviceId);
  }

  /** Ports that were taken for a deployment that came to nothing. */
  async giveBack(serviceId: string): Promise<void> {
    const running = this.running.get(serviceId);
    await this.forwarder.direct(serviceId, running ? this.targetsOf(running) : new Map());
  }

  async remove(serviceId: string, deploymentId: string): Promise<void> {
    if (this.running.get(serviceId)?.deploymentId !== deploymentId) return;
    this.running.delete(serviceId);
    await this.forwarder.direct(serviceId, new Map());
  }

  close(): Promise<void> {
    return this.forwarder.close();
  }

  private targetsOf({ deploymentId, run }: Running) {
    const address = this.addressOf(deploymentId);
    const target = (port: number) => async () => {
      const found = await address();
      return found === undefined ? undefined : { address: found, port };
    };
    return new Map(run.ports.map(({ host, container }) => [host, target(container)]));
  }

  /**
   * Asked again before long: a container that was started again has another address, and its old one may be another
   * container's.
   */
  private addressOf(deploymentId: string): () => Promise<string | undefined> {
    let asked: { at: number; answer: Promise<string | undefined> } | undefined;
    return () => {
      const now = this.clock.monotonic();
      if (!asked || now - asked.at > KNOWN_MS)
        asked = { at: now, answer: this.driver.standing(deploymentId).then((standing) => standing?.address) };
      return asked.answer;
    };
  }
}
