import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import {
  ArtifactCommitted,
  ArtifactRefused,
  AttemptFinished,
  CacheCommitted,
  CacheRefused,
  DownstreamRefused,
  DownstreamStopRequested,
  JobAwaitsResource,
  JobLeftResource,
  JobPlayRequested,
  JobRetryRequested,
  PipelineCancelRequested,
  PipelineFinished,
  PipelinePlanned,
  PipelineRejected,
  PipelineReopened,
  PipelineStarted,
  PlanRejected,
  ResourceGranted,
  ResourceGroupConfigured,
  type Recorded,
} from '@foldline/contracts';
import { because } from '@foldline/kernel';
import { DispatchService } from './dispatch/dispatch.service.ts';
import { FollowDownstream } from './downstream/follow-downstream.policy.ts';
import { ResourceGroups } from './groups/resource-groups.policy.ts';
import { SupersedePipelines } from './redundant/supersede.policy.ts';

type Event<Definition extends (data: never) => unknown> = Recorded<ReturnType<Definition>>;

/** Everything the scheduler listens to, and what it makes of it: one event in, one command out. */
@Controller()
export class SchedulerEvents {
  constructor(
    @Inject(DispatchService) private readonly pipelines: DispatchService,
    @Inject(ResourceGroups) private readonly groups: ResourceGroups,
    @Inject(SupersedePipelines) private readonly redundant: SupersedePipelines,
    @Inject(FollowDownstream) private readonly downstream: FollowDownstream,
  ) {}

  @EventPattern<string>(PipelinePlanned.type)
  onPlanned(@Payload() event: Event<typeof PipelinePlanned>): Promise<void> {
    const { pipelineId, context, plan } = event.data;
    return this.pipelines.handle(pipelineId, { type: 'StartPipeline', context, plan }, because(event, 'scheduler'));
  }

  @EventPattern<string>(PlanRejected.type)
  onPlanRejected(@Payload() event: Event<typeof PlanRejected>): Promise<void> {
    return this.pipelines.handle(
      event.data.pipelineId,
      { type: 'RejectPipeline', ...event.data },
      because(event, 'scheduler'),
    );
  }

  @EventPattern<string>(AttemptFinished.type)
  onAttemptFinished(@Payload() event: Event<typeof AttemptFinished>): Promise<void> {
    return this.pipelines.handle(
      event.data.pipelineId,
      { type: 'FinishAttempt', ...event.data },
      because(event, 'scheduler'),
    );
  }

  @EventPattern<string>(ArtifactCommitted.type)
  onArtifactCommitted(@Payload() event: Event<typeof ArtifactCommitted>): Promise<void> {
    return this.recordCommit(event, event.data.artifactId, true);
  }

  @EventPattern<string>(ArtifactRefused.type)
  onArtifactRefused(@Payload() event: Event<typeof ArtifactRefused>): Promise<void> {
    return this.recordCommit(event, event.data.artifactId, false);
  }

  /** A job does not fail because its cache could not be kept. */
  @EventPattern<string>(CacheCommitted.type)
  onCacheCommitted(@Payload() event: Event<typeof CacheCommitted>): Promise<void> {
    return this.recordCommit(event, event.data.cacheId, true);
  }

  @EventPattern<string>(CacheRefused.type)
  onCacheRefused(@Payload() event: Event<typeof CacheRefused>): Promise<void> {
    return this.recordCommit(event, event.data.cacheId, true);
  }

  @EventPattern<string>(PipelineCancelRequested.type)
  onCancelRequested(@Payload() event: Event<typeof PipelineCancelRequested>): Promise<void> {
    const { pipelineId } = event.data;
    return this.pipelines.handle(
      pipelineId,
      { type: 'CancelPipeline', pipelineId, by: event.actor.id },
      because(event, 'scheduler'),
    );
  }

  @EventPattern<string>(JobPlayRequested.type)
  onPlayRequested(@Payload() event: Event<typeof JobPlayRequested>): Promise<void> {
    const { pipelineId, jobId } = event.data;
    return this.pipelines.handle(
      pipelineId,
      { type: 'PlayJob', jobId, by: event.actor.id },
      because(event, 'scheduler'),
    );
  }

  @EventPattern<string>(JobRetryRequested.type)
  onRetryRequested(@Payload() event: Event<typeof JobRetryRequested>): Promise<void> {
    const { pipelineId, jobId, resume } = event.data;
    return this.pipelines.handle(
      pipelineId,
      { type: 'RetryJob', jobId, by: event.actor.id, ...(resume && { resume }) },
      because(event, 'scheduler'),
    );
  }

  @EventPattern<string>(PipelineStarted.type)
  async onPipelineStarted(@Payload() event: Event<typeof PipelineStarted>): Promise<void> {
    await this.groups.onPipelineStarted(event);
    await this.redundant.onPipelineStarted(event);
    await this.downstream.onStarted(event);
  }

  @EventPattern<string>(PipelineRejected.type)
  onPipelineRejected(@Payload() event: Event<typeof PipelineRejected>): Promise<void> {
    return this.downstream.onRejected(event);
  }

  @EventPattern<string>(PipelineFinished.type)
  onPipelineFinished(@Payload() event: Event<typeof PipelineFinished>): Promise<void> {
    return this.downstream.onFinished(event);
  }

  @EventPattern<string>(PipelineReopened.type)
  onPipelineReopened(@Payload() event: Event<typeof PipelineReopened>): Promise<void> {
    return this.downstream.onReopened(event);
  }

  @EventPattern<string>(DownstreamRefused.type)
  onDownstreamRefused(@Payload() event: Event<typeof DownstreamRefused>): Promise<void> {
    return this.downstream.onRefused(event);
  }

  @EventPattern<string>(DownstreamStopRequested.type)
  onDownstreamStopRequested(@Payload() event: Event<typeof DownstreamStopRequested>): Promise<void> {
    return this.downstream.onStopRequested(event);
  }

  @EventPattern<string>(JobAwaitsResource.type)
  onJobAwaitsResource(@Payload() event: Event<typeof JobAwaitsResource>): Promise<void> {
    return this.groups.onJobAwaitsResource(event);
  }

  @EventPattern<string>(JobLeftResource.type)
  onJobLeftResource(@Payload() event: Event<typeof JobLeftResource>): Promise<void> {
    return this.groups.onJobLeftResource(event);
  }

  @EventPattern<string>(ResourceGroupConfigured.type)
  onResourceGroupConfigured(@Payload() event: Event<typeof ResourceGroupConfigured>): Promise<void> {
    return this.groups.onConfigured(event);
  }

  @EventPattern<string>(ResourceGranted.type)
  onResourceGranted(@Payload() event: Event<typeof ResourceGranted>): Promise<void> {
    return this.groups.onGranted(event);
  }

  private recordCommit(
    event: Event<typeof ArtifactCommitted | typeof ArtifactRefused | typeof CacheCommitted | typeof CacheRefused>,
    commitId: string,
    accepted: boolean,
  ): Promise<void> {
    const { pipelineId, jobId, attempt } = event.data;
    return this.pipelines.handle(
      pipelineId,
      { type: 'RecordCommit', jobId, attempt, commitId, accepted },
      because(event, 'scheduler'),
    );
  }
}
