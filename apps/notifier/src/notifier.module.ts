import { Module } from '@nestjs/common';
import { QueueWatch } from './alert/queue-watch.background.ts';
import { RecordAlerts } from './alert/record-alerts.policy.ts';
import { TellOnAlert } from './alert/tell-on-alert.policy.ts';
import { Deliver } from './delivery/deliver.ts';
import { Deliveries } from './delivery/deliveries.background.ts';
import { TellOnPipelineFinished } from './notification/tell-on-pipeline-finished.policy.ts';
import { TellSubscribers } from './notification/tell-subscribers.ts';
import { NotifierEvents } from './notifier.events.ts';
import { KeepSubscription } from './subscription/keep-subscription.policy.ts';

/** Tells subscribers about finished pipelines and alerts, through Slack and signed webhooks. */
@Module({
  controllers: [NotifierEvents],
  providers: [
    Deliver,
    Deliveries,
    KeepSubscription,
    QueueWatch,
    RecordAlerts,
    TellOnAlert,
    TellOnPipelineFinished,
    TellSubscribers,
  ],
})
export class NotifierModule {}
