import { Module } from '@nestjs/common';
import { PORT, type Ports } from '@foldline/kernel';
import { RunnerDrain } from './drain.service.ts';
import { ExecutionService } from './execution/execution.service.ts';
import { GreetingService } from './greeting.service.ts';
import { ReplacedRunner } from './lease/replaced-runner.ts';
import { RunnerLeases } from './lease/runner-leases.service.ts';
import { RunnerEvents } from './runner.events.ts';
import { RUNNER_PORTS } from './runner.ports.ts';
import { Workspaces } from './workspace/workspaces.ts';

const names = Object.keys(PORT) as (keyof Ports)[];

@Module({
  controllers: [RunnerEvents],
  providers: [
    {
      provide: RUNNER_PORTS,
      inject: names.map((name) => PORT[name]),
      useFactory: (...ports: unknown[]) => Object.fromEntries(names.map((name, index) => [name, ports[index]])),
    },
    {
      provide: Workspaces,
      inject: [RUNNER_PORTS],
      useFactory: ({ settings, sourceRepository: repositories, clock, logger }: Ports) =>
        new Workspaces({ directory: settings.dataDirectory, settings: settings.layers, repositories, clock, logger }),
    },
    RunnerLeases,
    ReplacedRunner,
    ExecutionService,
    GreetingService,
    RunnerDrain,
  ],
})
export class RunnerModule {}
