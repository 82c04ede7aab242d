import { Module } from '@nestjs/common';
import { Deliver } from './delivery/deliver.ts';
import { Deliveries } from './delivery/deliveries.background.ts';
import { TellOnPipelineFinished } from './notification/tell-on-pipeline-finished.policy.ts';
import { NotifierEvents } from './notifier.events.ts';
import { KeepSubscription } from './subscription/keep-subscription.policy.ts';

/** Tells subscribers about finished pipelines, through Slack and signed webhooks. */
@Module({
  controllers: [NotifierEvents],
  providers: [Deliver, Deliveries, KeepSubscription, TellOnPipelineFinished],
})
export class NotifierModule {}
