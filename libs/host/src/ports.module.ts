import { Global, Module, type DynamicModule } from '@nestjs/common';
import type { ServiceName } from '@foldline/contracts';
import { COMMANDS, Commands, PORT, type OnStored, type Ports } from '@foldline/kernel';
import { loggerOf } from './log.ts';

/** Gives one service its ports, and a command loop that may write that service's streams only. */
@Global()
@Module({})
export class PortsModule {
  static forService(service: ServiceName, ports: Ports, onStored?: OnStored): DynamicModule {
    const own: Ports = { ...ports, logger: loggerOf(service, ports.logger) };
    const providers = [
      ...Object.entries(PORT).map(([name, token]) => ({ provide: token, useValue: own[name as keyof Ports] })),
      { provide: COMMANDS, useValue: new Commands(ports.eventStore, ports.clock, service, onStored) },
    ];
    return { module: PortsModule, providers, exports: providers.map(({ provide }) => provide) };
  }
}
