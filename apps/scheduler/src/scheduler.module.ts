import { Module } from '@nestjs/common';
import { StartDelayedJobs } from './delays/start-delayed.background.ts';
import { DispatchService } from './dispatch/dispatch.service.ts';
import { FollowDownstream } from './downstream/follow-downstream.policy.ts';
import { ResourceGroups } from './groups/resource-groups.policy.ts';
import { LeaseWatch } from './runners/lease-watch.service.ts';
import { RunnerRegistry } from './runners/runner-registry.service.ts';
import { SupersedePipelines } from './redundant/supersede.policy.ts';
import { SchedulerEvents } from './scheduler.events.ts';

@Module({
  controllers: [SchedulerEvents],
  providers: [
    DispatchService,
    FollowDownstream,
    LeaseWatch,
    ResourceGroups,
    RunnerRegistry,
    StartDelayedJobs,
    SupersedePipelines,
  ],
  exports: [DispatchService],
})
export class SchedulerModule {}
