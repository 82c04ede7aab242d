import { Inject, Injectable } from '@nestjs/common';
import {
  byProjectKey,
  COLLECTION,
  notificationStream,
  subscriptionStream,
  type RecordedEvent,
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
import type { Moment } from './message.ts';
import { notificationDecider } from './notification.decider.ts';

const PAGE = 100;
const READ_MODELS_WAIT_MS = 10_000;

/** What is told to those who want to hear of such a moment in the project. */
export type News = {
  projectId: string;
  moment: Moment;
  pipelineId?: string;
  /** The body for one kind of channel. */
  payloadFor: (kind: 'slack' | 'webhook') => Record<string, unknown>;
};

/**
 * Whoever had subscribed to such news of this project when the event was stored is told about it, once. Both are taken by
 * their places in the log: wish and event come by different partitions, in any order.
 */
@Injectable()
export class TellSubscribers {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.readModels) private readonly readModels: ReadModels,
  ) {}

  async about(event: RecordedEvent, news: News): Promise<void> {
    if (!(await this.readModels.reached(event.position, READ_MODELS_WAIT_MS))) {
      throw new TransientError('the read models do not show the subscriptions yet');
    }
    for await (const subscription of this.subscriptionsOf(news.projectId)) {
      const isTold = subscription.position < event.position && subscription.on.includes(news.moment);
      if (isTold) await this.request(event, subscription.id, news);
    }
  }

  /** The address is a secret and therefore not in the read model; the subscription's own stream has it sealed. */
  private async request(event: RecordedEvent, subscriptionId: string, { pipelineId, payloadFor }: News): Promise<void> {
    const { status, subscription } = await this.commands.stateOf(
      subscriptionStream(subscriptionId),
      subscriptionDecider,
    );
    if (status === 'none') throw new TransientError(`the subscription ${subscriptionId} is not kept yet`);
    if (!subscription) return;
    const notificationId = derivedId('notification', subscriptionId, event.id);
    const { projectId, channel } = subscription;
    const notification = {
      notificationId,
      subscriptionId,
      projectId,
      ...(pipelineId === undefined ? {} : { pipelineId }),
      channel,
      payload: payloadFor(channel.kind),
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
