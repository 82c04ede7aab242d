import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import {
  COLLECTION,
  deploymentStream,
  type Recorded,
  type ServiceDeploymentCancelRequested,
  type ServiceDeploymentDoc,
  type ServiceDeploymentRequested,
  type ServiceDoc,
  type ServiceRemoved,
} from '@foldline/contracts';
import {
  COMMANDS,
  PORT,
  Slots,
  because,
  type Clock,
  type Commands,
  type EventStore,
  type Logger,
  type ReadModels,
  type ReadStore,
  type ServiceDriver,
  type Settings,
} from '@foldline/kernel';
import { DeployService } from './deploy-service.ts';
import { PublishedServices } from './published-services.ts';
import { serviceDeploymentDecider } from './service-deployment.decider.ts';

const PAGE = 200;
const READ_MODELS_WAIT_MS = 10_000;
const AGAIN_MS = 5_000;

/**
 * Deploys services beside the event handlers, those of one service one after the other. What an earlier process has
 * left goes on, and what ran is reached again, since both are found by what is recorded.
 */
@Injectable()
export class ServiceDeployments implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly queues = new Map<string, Promise<void>>();
  private readonly known = new Set<string>();
  private readonly stopping = new AbortController();
  private readonly slots: Slots;
  private resuming: Promise<void> = Promise.resolve();

  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(DeployService) private readonly deploy: DeployService,
    @Inject(PublishedServices) private readonly published: PublishedServices,
    @Inject(PORT.serviceDriver) private readonly driver: ServiceDriver,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.readModels) private readonly readModels: ReadModels,
    @Inject(PORT.eventStore) private readonly store: EventStore,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PORT.logger) private readonly logger: Logger,
    @Inject(PORT.settings) settings: Settings,
  ) {
    this.slots = new Slots(settings.buildWorkers);
  }

  onApplicationBootstrap(): void {
    this.resuming = this.resume();
  }

  /** What goes on is left as it is: the next process goes on with it. */
  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.resuming;
    await Promise.all(this.queues.values());
    await this.published.close();
  }

  async onRequested(event: Recorded<ReturnType<typeof ServiceDeploymentRequested>>): Promise<void> {
    const { deploymentId, serviceId } = event.data;
    const command = { type: 'StartServiceDeployment', wanted: event.data } as const;
    await this.commands.handle(
      deploymentStream(deploymentId),
      serviceDeploymentDecider,
      command,
      because(event, 'deployer'),
    );
    this.take(serviceId, deploymentId);
  }

  /** One that waits ends at once, one that goes on where it is; one that takes over goes on. */
  async onCancelRequested(event: Recorded<ReturnType<typeof ServiceDeploymentCancelRequested>>): Promise<void> {
    const { deploymentId } = event.data;
    const { state } = await this.commands.handle(
      deploymentStream(deploymentId),
      serviceDeploymentDecider,
      { type: 'CancelServiceDeployment' },
      because(event, 'deployer'),
    );
    if (state.isCancelled) this.deploy.hurry(deploymentId);
  }

  /** Another service may have the name by now, and with it the id: what runs of that one stays. */
  onRemoved({ data: { serviceId, number } }: Recorded<ReturnType<typeof ServiceRemoved>>): void {
    this.enqueue(serviceId, `remove ${serviceId}`, async () => {
      for (const { deploymentId, service } of await this.deploy.containersOf(serviceId)) {
        if (service.number !== number) continue;
        await this.published.remove(serviceId, deploymentId);
        await this.driver.remove(deploymentId);
      }
    });
  }

  private take(serviceId: string, deploymentId: string): void {
    if (this.known.has(deploymentId)) return;
    this.known.add(deploymentId);
    this.enqueue(serviceId, deploymentId, () => this.deploy.carryOut(deploymentId, this.stopping.signal));
  }

  private enqueue(serviceId: string, what: string, work: () => Promise<void>): void {
    const before = this.queues.get(serviceId) ?? Promise.resolve();
    const done = before
      .then(() => this.persistently(what, work))
      .finally(() => {
        this.known.delete(what);
        if (this.queues.get(serviceId) === done) this.queues.delete(serviceId);
      });
    this.queues.set(serviceId, done);
  }

  /** What is nobody's fault is tried again until it has an end. */
  private async persistently(what: string, work: () => Promise<void>): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        return await this.slots.use(() => (signal.aborted ? Promise.resolve() : work()));
      } catch (error) {
        if (signal.aborted) return;
        this.logger.warn({ err: error, deploymentId: what }, 'a service could not be deployed now; it is tried again');
        await this.clock.sleep(AGAIN_MS, signal);
      }
    }
  }

  private async resume(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        if (await this.readModels.reached(await this.store.lastPosition(), READ_MODELS_WAIT_MS)) {
          await this.reachAgain();
          return await this.takeUnfinished();
        }
      } catch (error) {
        this.logger.error({ err: error }, 'what was deployed could not be looked up');
      }
      await this.clock.sleep(AGAIN_MS, signal);
    }
  }

  private async reachAgain(): Promise<void> {
    for await (const { id, current } of this.all<ServiceDoc>(COLLECTION.services, 'running')) {
      const stream = deploymentStream(current!.deploymentId);
      const { wanted } = await this.commands.stateOf(stream, serviceDeploymentDecider);
      if (!wanted) continue;
      await this.published.take(id, wanted.run.ports).catch((error: unknown) => {
        this.logger.error({ err: error, serviceId: id }, 'a service is not reached at its ports');
      });
      await this.published.direct(wanted);
    }
  }

  private async takeUnfinished(): Promise<void> {
    for await (const { id, serviceId } of this.all<ServiceDeploymentDoc>(COLLECTION.serviceDeployments, 'deploying'))
      this.take(serviceId, id);
  }

  private async *all<Doc extends Record<string, unknown>>(collection: string, index: string): AsyncGenerator<Doc> {
    let after: string | undefined;
    do {
      const page = await this.reads.query<Doc>(collection, {
        index,
        limit: PAGE,
        ...(after !== undefined && { after }),
      });
      yield* page.items;
      after = page.nextCursor;
    } while (after !== undefined);
  }
}
