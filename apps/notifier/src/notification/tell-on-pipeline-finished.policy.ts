import { Inject, Injectable } from '@nestjs/common';
import type { PipelineFinished, Recorded } from '@foldline/contracts';
import { messageFor, momentOf } from './message.ts';
import { TellSubscribers } from './tell-subscribers.ts';

/** Subscribers of such a result are told about it. */
@Injectable()
export class TellOnPipelineFinished {
  constructor(@Inject(TellSubscribers) private readonly tell: TellSubscribers) {}

  async onPipelineFinished(event: Recorded<ReturnType<typeof PipelineFinished>>): Promise<void> {
    const { data, recordedAt } = event;
    const moment = momentOf(data.status);
    if (!moment) return;
    await this.tell.about(event, {
      projectId: data.context.project.id,
      moment,
      pipelineId: data.pipelineId,
      payloadFor: (kind) => messageFor(kind, data, moment, recordedAt),
    });
  }
}
