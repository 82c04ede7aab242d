import { Global, Module, type DynamicModule } from '@nestjs/common';
import type { ServiceName } from '@foldline/contracts';
import { COMMANDS, Commands, PORT, type Ports } from '@foldline/kernel';

/** Gives one service its ports, and a command loop that may write that service's streams only. */
@Global()
@Module({})
export class PortsModule {
  static forService(service: ServiceName, ports: Ports): DynamicModule {
    const providers = [
      ...Object.entries(PORT).map(([name, token]) => ({ provide: token, useValue: ports[name as keyof Ports] })),
      { provide: COMMANDS, useValue: new Commands(ports.eventStore, ports.clock, service) },
    ];
    return { module: PortsModule, providers, exports: providers.map(({ provide }) => provide) };
  }
}
