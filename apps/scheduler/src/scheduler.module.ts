import { Module } from '@nestjs/common';
import { DispatchService } from './dispatch/dispatch.service.ts';
import { LeaseWatch } from './runners/lease-watch.service.ts';
import { RunnerRegistry } from './runners/runner-registry.service.ts';
import { SchedulerEvents } from './scheduler.events.ts';

@Module({
  controllers: [SchedulerEvents],
  providers: [DispatchService, LeaseWatch, RunnerRegistry],
  exports: [DispatchService],
})
export class SchedulerModule {}
