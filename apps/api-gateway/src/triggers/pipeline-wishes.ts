import { Inject, Injectable } from '@nestjs/common';
import { triggerStream } from '@foldline/contracts';
import { COMMANDS, PORT, type Commands, type EventStore } from '@foldline/kernel';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { Idempotency } from './idempotency.ts';
import { triggerDecider, type TriggerCommand } from './trigger.decider.ts';

export type Wish = Exclude<TriggerCommand, { type: 'RequestPipeline' }>;

const READ = 1000;

/** What people want of a pipeline that exists: that it ends, that a job runs again or at last. */
@Injectable()
export class PipelineWishes {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.eventStore) private readonly store: EventStore,
    @Inject(Idempotency) private readonly idempotency: Idempotency,
  ) {}

  /**
   * Records the wish if it is allowed now, and gives its position. A repetition by idempotency key answers as the first
   * did, even though by then the wish would no longer be allowed.
   */
  async record(request: FastifyRequest, reply: FastifyReply, wish: Wish, allow: () => void): Promise<number> {
    const { pipelineId } = wish;
    const operation = `${wish.type} ${'jobId' in wish ? wish.jobId : pipelineId}`;
    const position = await this.idempotency.once(request, reply, operation, async ({ cause, keyed }) => {
      const known = keyed ? await this.recordedBy(cause.id, pipelineId) : undefined;
      if (known !== undefined) return { answer: known, fresh: false };
      allow();
      const because = { ...cause, correlationId: pipelineId };
      const handled = await this.commands.handle(triggerStream(pipelineId), triggerDecider, wish, because);
      return { answer: handled.position, fresh: true };
    });
    void reply.header('x-event-position', String(position));
    return position;
  }

  private async recordedBy(causeId: string, pipelineId: string): Promise<number | undefined> {
    for (let from = 0; ; from += READ) {
      const events = await this.store.readStream(triggerStream(pipelineId), from, READ);
      const found = events.find(({ causationId }) => causationId === causeId);
      if (found || events.length < READ) return found?.position;
    }
  }
}
