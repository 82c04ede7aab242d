import { Inject, Injectable } from '@nestjs/common';
import type {
  DownstreamRefused,
  DownstreamStopRequested,
  PipelineFinished,
  PipelineRejected,
  PipelineReopened,
  PipelineStarted,
  Recorded,
  RecordedEvent,
  Upstream,
} from '@foldline/contracts';
import { because } from '@foldline/kernel';
import { DispatchService } from '../dispatch/dispatch.service.ts';
import type { DownstreamNews } from '../pipeline/follow-downstream.ts';

type Event<Definition extends (data: never) => unknown> = Recorded<ReturnType<Definition>>;
type News = Pick<DownstreamNews, 'became' | 'detail'>;

/** Tells a job what became of the pipeline that it has started, and that pipeline when it is to end. */
@Injectable()
export class FollowDownstream {
  constructor(@Inject(DispatchService) private readonly pipelines: DispatchService) {}

  onStarted(event: Event<typeof PipelineStarted>): Promise<void> {
    return this.tell(event, event.data.context.upstream, { became: 'started' });
  }

  onFinished(event: Event<typeof PipelineFinished>): Promise<void> {
    const { pipelineId, status, context } = event.data;
    return this.tell(event, context.upstream, { became: status, detail: `pipeline ${pipelineId} ended as ${status}` });
  }

  onRejected(event: Event<typeof PipelineRejected>): Promise<void> {
    const { pipelineId, problems, upstream } = event.data;
    const [first] = problems;
    const told = first ? `: ${first.file}:${first.line}: ${first.message}` : '';
    return this.tell(event, upstream, {
      became: 'refused',
      detail: `the definition of pipeline ${pipelineId} was refused${told}`,
    });
  }

  onReopened(event: Event<typeof PipelineReopened>): Promise<void> {
    return this.tell(event, event.data.upstream, { became: 'reopened' });
  }

  onRefused(event: Event<typeof DownstreamRefused>): Promise<void> {
    const { detail, ...upstream } = event.data;
    return this.tell(event, upstream, { became: 'refused', detail });
  }

  onStopRequested(event: Event<typeof DownstreamStopRequested>): Promise<void> {
    const { pipelineId, jobId, downstreamId, supersededBy } = event.data;
    const cause = because(event, 'scheduler');
    if (supersededBy !== undefined) {
      const command = {
        type: 'SupersedePipeline',
        pipelineId: downstreamId,
        by: supersededBy,
        fromAbove: true,
      } as const;
      return this.pipelines.handle(downstreamId, command, cause);
    }
    const why = {
      rule: 'trigger',
      detail: `pipeline ${pipelineId}, which it is a part of, was cancelled`,
      jobs: [jobId],
    };
    return this.pipelines.handle(
      downstreamId,
      { type: 'CancelPipeline', pipelineId: downstreamId, by: event.actor.id, because: why },
      cause,
    );
  }

  private async tell(
    event: RecordedEvent,
    upstream: Pick<Upstream, 'pipelineId' | 'jobId' | 'attempt'> | undefined,
    news: News,
  ): Promise<void> {
    if (!upstream) return;
    const { pipelineId, jobId, attempt } = upstream;
    await this.pipelines.handle(
      pipelineId,
      { type: 'FollowDownstream', jobId, attempt, ...news },
      because(event, 'scheduler'),
    );
  }
}
