import { Inject, Injectable } from '@nestjs/common';
import { pipelineStream, triggerStream, type RecordedEvent } from '@foldline/contracts';
import {
  COMMANDS,
  PORT,
  Refusal,
  TransientError,
  type Cause,
  type Commands,
  type EventStore,
  type ReadModels,
} from '@foldline/kernel';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { Idempotency, type Done } from './idempotency.ts';
import { OVERTAKEN, triggerDecider, type Wish } from './trigger.decider.ts';
import { WishOutcomes, type RecordedWish } from './wish-outcomes.ts';

const READ = 1000;
/** How long an answer waits for what the scheduler makes of a wish. */
const ANSWER_WITHIN_MS = 3000;
/** Wishes for one pipeline that may come between judging one and recording it. */
const OVERTAKEN_AT_MOST = 50;

/**
 * `position` shows what came of the wish. `pending`: nothing had in the time that an answer may take; then it is the
 * position of the wish.
 */
export type Wished = { position: number; pending: boolean };

/** What people want of a pipeline that exists: that it ends, that a job runs again or at last. */
@Injectable()
export class PipelineWishes {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.eventStore) private readonly store: EventStore,
    @Inject(PORT.readModels) private readonly models: ReadModels,
    @Inject(Idempotency) private readonly idempotency: Idempotency,
    @Inject(WishOutcomes) private readonly outcomes: WishOutcomes,
  ) {}

  /**
   * Records the wish if `judge`, which looks at documents that show everything stored, does not refuse it, and waits
   * until they show what came of it. A repetition by idempotency key answers as the first did, even though by then the
   * wish would no longer be allowed.
   */
  async record(request: FastifyRequest, reply: FastifyReply, wish: Wish, judge: () => Promise<void>): Promise<Wished> {
    const { pipelineId } = wish;
    const operation = `${wish.type} ${'jobId' in wish ? wish.jobId : pipelineId}`;
    const wished = await this.idempotency.once(request, reply, operation, async ({ cause, keyed }) => {
      const known = keyed ? await this.recordedBy(cause.id, pipelineId) : undefined;
      const { answer, fresh } = known
        ? { answer: known, fresh: false }
        : await this.append(wish, { ...cause, correlationId: pipelineId }, judge);
      return { answer: await this.answered(answer, pipelineId, judge), fresh };
    });
    void reply.header('x-event-position', String(wished.position));
    return wished;
  }

  /** Wishes are judged one after the other, each when the one before has come to something, whichever gateway took it. */
  private async append(wish: Wish, cause: Cause, judge: () => Promise<void>): Promise<Done<RecordedEvent>> {
    const { pipelineId } = wish;
    const stream = triggerStream(pipelineId);
    for (let overtaken = 0; overtaken < OVERTAKEN_AT_MOST; overtaken += 1) {
      const before = await this.newest(pipelineId);
      if (before && before.type !== 'PipelineRequested') {
        const waitMs = this.outcomes.remaining(before, ANSWER_WITHIN_MS);
        if (waitMs > 0) await this.outcomes.effect(before, pipelineStream(pipelineId), before.position, waitMs);
      }
      await judge();
      try {
        const after = before?.revision ?? -1;
        const { events } = await this.commands.handle(stream, triggerDecider, { ...wish, after }, cause);
        return { answer: events[0] ?? before!, fresh: events.length > 0 };
      } catch (error) {
        if (!(error instanceof Refusal) || error.code !== OVERTAKEN) throw error;
      }
    }
    throw new TransientError('too many wishes for this pipeline at once');
  }

  private async answered(wish: RecordedWish, pipelineId: string, judge: () => Promise<void>): Promise<Wished> {
    const position = await this.outcomes.effect(wish, pipelineStream(pipelineId), wish.position, ANSWER_WITHIN_MS);
    // Nothing came of it: either it has become impossible, which is said now, or nobody has taken it up yet.
    if (position === undefined) await judge();
    const shown = position ?? wish.position;
    await this.models.reached(shown, ANSWER_WITHIN_MS);
    return { position: shown, pending: position === undefined };
  }

  private async newest(pipelineId: string): Promise<RecordedEvent | undefined> {
    const stream = triggerStream(pipelineId);
    const { revision } = await this.commands.stateOf(stream, triggerDecider);
    return (await this.store.readStream(stream, Math.max(0, revision), READ)).at(-1);
  }

  private async recordedBy(causeId: string, pipelineId: string): Promise<RecordedEvent | undefined> {
    for (let from = 0; ; from += READ) {
      const events = await this.store.readStream(triggerStream(pipelineId), from, READ);
      const found = events.find(({ causationId }) => causationId === causeId);
      if (found || events.length < READ) return found;
    }
  }
}
