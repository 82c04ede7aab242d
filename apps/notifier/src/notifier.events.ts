import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import {
  NotificationRequested,
  PipelineFinished,
  SubscriptionRemovalRequested,
  SubscriptionRequested,
  type Recorded,
} from '@foldline/contracts';
import { Deliveries } from './delivery/deliveries.background.ts';
import { TellOnPipelineFinished } from './notification/tell-on-pipeline-finished.policy.ts';
import { KeepSubscription } from './subscription/keep-subscription.policy.ts';

/** What the notifier reacts to. */
@Controller()
export class NotifierEvents {
  constructor(
    @Inject(KeepSubscription) private readonly keepSubscription: KeepSubscription,
    @Inject(TellOnPipelineFinished) private readonly tell: TellOnPipelineFinished,
    @Inject(Deliveries) private readonly deliveries: Deliveries,
  ) {}

  @EventPattern(SubscriptionRequested.type)
  subscriptionRequested(@Payload() event: Recorded<ReturnType<typeof SubscriptionRequested>>): Promise<void> {
    return this.keepSubscription.onSubscriptionRequested(event);
  }

  @EventPattern(SubscriptionRemovalRequested.type)
  subscriptionRemovalRequested(
    @Payload() event: Recorded<ReturnType<typeof SubscriptionRemovalRequested>>,
  ): Promise<void> {
    return this.keepSubscription.onSubscriptionRemovalRequested(event);
  }

  @EventPattern(PipelineFinished.type)
  pipelineFinished(@Payload() event: Recorded<ReturnType<typeof PipelineFinished>>): Promise<void> {
    return this.tell.onPipelineFinished(event);
  }

  @EventPattern(NotificationRequested.type)
  notificationRequested(@Payload() event: Recorded<ReturnType<typeof NotificationRequested>>): void {
    this.deliveries.take(event.data.notificationId);
  }
}
