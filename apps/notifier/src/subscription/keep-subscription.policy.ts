import { Inject, Injectable } from '@nestjs/common';
import {
  subscriptionStream,
  type Recorded,
  type SubscriptionRemovalRequested,
  type SubscriptionRequested,
} from '@foldline/contracts';
import { because, COMMANDS, type Commands } from '@foldline/kernel';
import { subscriptionDecider } from './subscription.decider.ts';

/** A requested subscription exists until its removal is requested. */
@Injectable()
export class KeepSubscription {
  constructor(@Inject(COMMANDS) private readonly commands: Commands) {}

  async onSubscriptionRequested(event: Recorded<ReturnType<typeof SubscriptionRequested>>): Promise<void> {
    await this.commands.handle(
      subscriptionStream(event.data.subscriptionId),
      subscriptionDecider,
      { type: 'CreateSubscription', subscription: event.data },
      because(event, 'notifier'),
    );
  }

  async onSubscriptionRemovalRequested(
    event: Recorded<ReturnType<typeof SubscriptionRemovalRequested>>,
  ): Promise<void> {
    await this.commands.handle(
      subscriptionStream(event.data.subscriptionId),
      subscriptionDecider,
      { type: 'RemoveSubscription' },
      because(event, 'notifier'),
    );
  }
}
