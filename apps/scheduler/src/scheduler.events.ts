import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import {
  ArtifactCommitted,
  ArtifactRefused,
  AttemptFinished,
  CacheCommitted,
  CacheRefused,
  JobPlayRequested,
  JobRetryRequested,
  PipelineCancelRequested,
  PipelinePlanned,
  PlanRejected,
  type Recorded,
} from '@foldline/contracts';
import { because } from '@foldline/kernel';
import { DispatchService } from './dispatch/dispatch.service.ts';

type Event<Definition extends (data: never) => unknown> = Recorded<ReturnType<Definition>>;

/** Everything the scheduler listens to, and what it makes of it: one event in, one command to the pipeline out. */
@Controller()
export class SchedulerEvents {
  constructor(@Inject(DispatchService) private readonly pipelines: DispatchService) {}

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
    const { pipelineId, jobId } = event.data;
    return this.pipelines.handle(
      pipelineId,
      { type: 'RetryJob', jobId, by: event.actor.id },
      because(event, 'scheduler'),
    );
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
