import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import {
  AlertFired,
  AlertResolved,
  AlertRulesSet,
  DeploymentFailed,
  EnvironmentDeployed,
  NotificationRequested,
  PipelineFinished,
  PipelineRejected,
  ServiceDeploymentFailed,
  ServiceDeploymentSucceeded,
  SubscriptionRemovalRequested,
  SubscriptionRequested,
  VulnerabilitiesReported,
  type Recorded,
} from '@foldline/contracts';
import { RecordAlerts } from './alert/record-alerts.policy.ts';
import { TellOnAlert } from './alert/tell-on-alert.policy.ts';
import { Deliveries } from './delivery/deliveries.background.ts';
import { TellOnPipelineFinished } from './notification/tell-on-pipeline-finished.policy.ts';
import { KeepSubscription } from './subscription/keep-subscription.policy.ts';

/** What the notifier reacts to. */
@Controller()
export class NotifierEvents {
  constructor(
    @Inject(KeepSubscription) private readonly keepSubscription: KeepSubscription,
    @Inject(TellOnPipelineFinished) private readonly tell: TellOnPipelineFinished,
    @Inject(RecordAlerts) private readonly alerts: RecordAlerts,
    @Inject(TellOnAlert) private readonly tellOnAlert: TellOnAlert,
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
  async pipelineFinished(@Payload() event: Recorded<ReturnType<typeof PipelineFinished>>): Promise<void> {
    await this.tell.onPipelineFinished(event);
    await this.alerts.after(event);
  }

  @EventPattern(PipelineRejected.type)
  pipelineRejected(@Payload() event: Recorded<ReturnType<typeof PipelineRejected>>): Promise<void> {
    return this.alerts.after(event);
  }

  @EventPattern(DeploymentFailed.type)
  deploymentFailed(@Payload() event: Recorded<ReturnType<typeof DeploymentFailed>>): Promise<void> {
    return this.alerts.after(event);
  }

  @EventPattern(EnvironmentDeployed.type)
  environmentDeployed(@Payload() event: Recorded<ReturnType<typeof EnvironmentDeployed>>): Promise<void> {
    return this.alerts.after(event);
  }

  @EventPattern(ServiceDeploymentFailed.type)
  serviceDeploymentFailed(@Payload() event: Recorded<ReturnType<typeof ServiceDeploymentFailed>>): Promise<void> {
    return this.alerts.after(event);
  }

  @EventPattern(ServiceDeploymentSucceeded.type)
  serviceDeploymentSucceeded(@Payload() event: Recorded<ReturnType<typeof ServiceDeploymentSucceeded>>): Promise<void> {
    return this.alerts.after(event);
  }

  @EventPattern(VulnerabilitiesReported.type)
  vulnerabilitiesReported(@Payload() event: Recorded<ReturnType<typeof VulnerabilitiesReported>>): Promise<void> {
    return this.alerts.after(event);
  }

  @EventPattern(AlertRulesSet.type)
  alertRulesSet(@Payload() event: Recorded<ReturnType<typeof AlertRulesSet>>): Promise<void> {
    return this.alerts.after(event);
  }

  @EventPattern(AlertFired.type)
  alertFired(@Payload() event: Recorded<ReturnType<typeof AlertFired>>): Promise<void> {
    return this.tellOnAlert.onAlert(event);
  }

  @EventPattern(AlertResolved.type)
  alertResolved(@Payload() event: Recorded<ReturnType<typeof AlertResolved>>): Promise<void> {
    return this.tellOnAlert.onAlert(event);
  }

  @EventPattern(NotificationRequested.type)
  notificationRequested(@Payload() event: Recorded<ReturnType<typeof NotificationRequested>>): void {
    this.deliveries.take(event.data.notificationId);
  }
}
