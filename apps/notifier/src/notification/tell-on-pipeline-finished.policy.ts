import { Inject, Injectable } from '@nestjs/common';
import {
  byProjectKey,
  COLLECTION,
  notificationStream,
  subscriptionStream,
  type PipelineFinished,
  type Recorded,
  type SubscriptionDoc,
} from '@foldline/contracts';
import {
  because,
  COMMANDS,
  derivedId,
  PORT,
  TransientError,
  type Commands,
  type ReadModels,
  type ReadStore,
} from '@foldline/kernel';
import { subscriptionDecider } from '../subscription/subscription.decider.ts';
import { messageFor, momentOf, type Moment } from './message.ts';
import { notificationDecider } from './notification.decider.ts';

const PAGE = 100;
const READ_MODELS_WAIT_MS = 10_000;
type Finished = Recorded<ReturnType<typeof PipelineFinished>>;

/**
 * Whoever had subscribed to results of this kind in this project when the pipeline finished is told about it, once. Both
 * are taken by their places in the log: wish and end come by different partitions, in any order.
 */
@Injectable()
export class TellOnPipelineFinished {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.readModels) private readonly readModels: ReadModels,
  ) {}

  async onPipelineFinished(event: Finished): Promise<void> {
    const moment = momentOf(event.data.status);
    if (!moment) return;
    if (!(await this.readModels.reached(event.position, READ_MODELS_WAIT_MS))) {
      throw new TransientError('the read models do not show the subscriptions yet');
    }
    for await (const subscription of this.subscriptionsOf(event.data.context.project.id)) {
      const isTold = subscription.position < event.position && subscription.on.includes(moment);
      if (isTold) await this.request(event, subscription.id, moment);
    }
  }

  /** The address is a secret and therefore not in the read model; the subscription's own stream has it sealed. */
  private async request(event: Finished, subscriptionId: string, moment: Moment): Promise<void> {
    const { status, subscription } = await this.commands.stateOf(
      subscriptionStream(subscriptionId),
      subscriptionDecider,
    );
    if (status === 'none') throw new TransientError(`the subscription ${subscriptionId} is not kept yet`);
    if (!subscription) return;
    const notificationId = derivedId('notification', subscriptionId, event.id);
    const { projectId, channel } = subscription;
    const payload = messageFor(channel.kind, event.data, moment, event.recordedAt);
    const notification = {
      notificationId,
      subscriptionId,
      projectId,
      pipelineId: event.data.pipelineId,
      channel,
      payload,
    };
    await this.commands.handle(
      notificationStream(notificationId),
      notificationDecider,
      { type: 'RequestNotification', notification },
      because(event, 'notifier'),
    );
  }

  private async *subscriptionsOf(projectId: string): AsyncGenerator<SubscriptionDoc> {
    let after: string | undefined;
    do {
      const page = await this.reads.query<SubscriptionDoc>(COLLECTION.subscriptions, {
        index: 'byProject',
        prefix: byProjectKey(projectId, ''),
        limit: PAGE,
        ...(after !== undefined && { after }),
      });
      yield* page.items;
      after = page.nextCursor;
    } while (after !== undefined);
  }
}
