import type { INestMicroservice, Type } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { ServiceName } from '@foldline/contracts';
import type { OnStored, Ports } from '@foldline/kernel';
import { BusTransport, RethrowFilter, type Around } from './bus-transport.ts';
import { PortsModule } from './ports.module.ts';

/** A provider that a service is asked to drain by, before anything of the process is stopped. */
export type Drains = { drain: (forced: AbortSignal) => Promise<void> };

export type Services = {
  /** Lets what is under way come to its end while everything still works; ends early when it is forced. */
  drain: (forced: AbortSignal) => Promise<void>;
  stop: () => Promise<void>;
};

/** Who watches the work of services. */
export type Observer = { around: Around; onStored: OnStored; onLong: () => void };

export type ServiceDefinition = {
  name: ServiceName;
  module: Type;
  /** The consumer group that it takes its events in; its name when absent. */
  group?: string;
  /** The provider of the module that it drains by, if it has anything that must not be cut short. */
  drain?: Type<Drains>;
};

/**
 * Starts services in this process, one after the other and each with a transport of its own: sharing one would hand
 * every event to every service's group.
 */
export const startServices = async (
  services: readonly ServiceDefinition[],
  ports: Ports,
  observer?: Observer,
): Promise<Services> => {
  const running: INestMicroservice[] = [];
  const draining: Drains[] = [];
  for (const service of services) {
    const app = await NestFactory.createMicroservice(hosted(service, ports, observer), {
      strategy: new BusTransport({
        bus: ports.eventBus,
        service: service.name,
        group: service.group ?? service.name,
        logger: ports.logger,
        around: observer?.around,
        onLong: observer?.onLong,
      }),
      logger: false,
      abortOnError: false,
    });
    app.useGlobalFilters(new RethrowFilter());
    await app.listen();
    running.push(app);
    if (service.drain) draining.push(app.get(service.drain, { strict: false }));
  }
  return {
    drain: async (forced) => {
      await Promise.all(draining.map((service) => service.drain(forced)));
    },
    stop: async () => {
      await Promise.all(running.map((app) => app.close()));
    },
  };
};

const hosted = ({ name, module }: ServiceDefinition, ports: Ports, observer?: Observer): Type => {
  @Module({ imports: [PortsModule.forService(name, ports, observer?.onStored), module] })
  class ServiceHost {}
  return ServiceHost;
};
