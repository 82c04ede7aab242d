import { Inject, Injectable } from '@nestjs/common';
import { deploymentStream, serviceStream, type ServiceDeploymentDoc } from '@foldline/contracts';
import { COMMANDS, PORT, Refusal, type Cause, type Commands, type ReadModels } from '@foldline/kernel';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { ReadYourWrites } from '../http/read-your-writes.ts';
import { Idempotency, type Done } from '../triggers/idempotency.ts';
import { WishOutcomes } from '../triggers/wish-outcomes.ts';
import { NumberedQueries } from './numbered.queries.ts';
import { serviceDecider } from './service.decider.ts';

/** How long an answer waits for what the deployer makes of the wish. */
const ANSWER_WITHIN_MS = 3000;

/** `pending`: nothing has come of the wish yet. */
export type CancelledDeployment = { doc: ServiceDeploymentDoc; position: number; pending: boolean };

/** What people want of a deployment that goes on: that it ends before it takes over. The deployer decides. */
@Injectable()
export class CancelDeployment {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.readModels) private readonly models: ReadModels,
    @Inject(ReadYourWrites) private readonly writes: ReadYourWrites,
    @Inject(NumberedQueries) private readonly numbered: NumberedQueries,
    @Inject(Idempotency) private readonly idempotency: Idempotency,
    @Inject(WishOutcomes) private readonly outcomes: WishOutcomes,
  ) {}

  async record(number: string, request: FastifyRequest, reply: FastifyReply): Promise<CancelledDeployment> {
    const { id } = await this.numbered.deployment(number);
    const done = await this.idempotency.once(request, reply, `POST cancel of ${id}`, ({ cause }) =>
      this.cancelled(number, cause),
    );
    void reply.header('x-event-position', String(done.position));
    return done;
  }

  /** One that was cancelled answers as before, whoever did it. */
  private async cancelled(number: string, cause: Cause): Promise<Done<CancelledDeployment>> {
    const before = await this.cancellable(number);
    if (isCancelled(before)) return this.answer(number, { position: this.models.position(), pending: false }, false);
    const { id: deploymentId, serviceId } = before;
    const command = { type: 'CancelServiceDeployment', deploymentId, serviceId } as const;
    const { events, position } = await this.commands.handle(serviceStream(serviceId), serviceDecider, command, cause);
    const [wish] = events;
    const effect =
      wish && (await this.outcomes.effect(wish, deploymentStream(deploymentId), position, ANSWER_WITHIN_MS));
    const shown = effect ?? position;
    await this.models.reached(shown, ANSWER_WITHIN_MS);
    // Nothing came of it: either it has taken over meanwhile, which is said now, or nobody has taken it up yet.
    if (effect === undefined) await this.cancellable(number);
    return this.answer(number, { position: shown, pending: effect === undefined }, events.length > 0);
  }

  private async answer(number: string, more: Omit<CancelledDeployment, 'doc'>, fresh: boolean) {
    return { answer: { doc: await this.numbered.deployment(number), ...more }, fresh };
  }

  /** As it is now. Throws a `Refusal` when it cannot be cancelled any more. */
  private async cancellable(number: string): Promise<ServiceDeploymentDoc> {
    await this.writes.reachEnd();
    const doc = await this.numbered.deployment(number);
    if (isCancelled(doc)) return doc;
    if (doc.status !== 'deploying') throw new Refusal('already_finished', `the deployment has ended: ${doc.status}`);
    if (doc.phase === 'switch') throw new Refusal('already_finished', 'the deployment has taken over');
    return doc;
  }
}

const isCancelled = ({ isCancelled: isEnding, error }: ServiceDeploymentDoc): boolean =>
  isEnding === true || error?.code === 'cancelled';
