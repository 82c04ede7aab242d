import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import {
  DeploymentSucceeded,
  JobAssigned,
  JobCancelled,
  JobFailed,
  JobSucceeded,
  ServiceDeploymentCancelRequested,
  ServiceDeploymentRequested,
  ServiceRemoved,
  type Recorded,
} from '@foldline/contracts';
import { DeployWithJob } from './deployment/deploy-with-job.policy.ts';
import { ServiceDeployments } from './service/service-deployments.background.ts';
import { RecordDeployed } from './environment/record-on-deployment-succeeded.policy.ts';

/** What the deployer reacts to. */
@Controller()
export class DeployerEvents {
  constructor(
    @Inject(DeployWithJob) private readonly deployWithJob: DeployWithJob,
    @Inject(RecordDeployed) private readonly recordDeployed: RecordDeployed,
    @Inject(ServiceDeployments) private readonly services: ServiceDeployments,
  ) {}

  @EventPattern(JobAssigned.type)
  jobAssigned(@Payload() event: Recorded<ReturnType<typeof JobAssigned>>): Promise<void> {
    return this.deployWithJob.onJobAssigned(event);
  }

  @EventPattern(JobSucceeded.type)
  jobSucceeded(@Payload() event: Recorded<ReturnType<typeof JobSucceeded>>): Promise<void> {
    return this.deployWithJob.onJobSucceeded(event);
  }

  @EventPattern(JobFailed.type)
  jobFailed(@Payload() event: Recorded<ReturnType<typeof JobFailed>>): Promise<void> {
    return this.deployWithJob.onJobFailed(event);
  }

  @EventPattern(JobCancelled.type)
  jobCancelled(@Payload() event: Recorded<ReturnType<typeof JobCancelled>>): Promise<void> {
    return this.deployWithJob.onJobCancelled(event);
  }

  @EventPattern(DeploymentSucceeded.type)
  deploymentSucceeded(@Payload() event: Recorded<ReturnType<typeof DeploymentSucceeded>>): Promise<void> {
    return this.recordDeployed.onDeploymentSucceeded(event);
  }

  @EventPattern(ServiceDeploymentRequested.type)
  serviceDeploymentRequested(@Payload() event: Recorded<ReturnType<typeof ServiceDeploymentRequested>>): Promise<void> {
    return this.services.onRequested(event);
  }

  @EventPattern(ServiceDeploymentCancelRequested.type)
  serviceDeploymentCancelRequested(
    @Payload() event: Recorded<ReturnType<typeof ServiceDeploymentCancelRequested>>,
  ): Promise<void> {
    return this.services.onCancelRequested(event);
  }

  @EventPattern(ServiceRemoved.type)
  serviceRemoved(@Payload() event: Recorded<ReturnType<typeof ServiceRemoved>>): void {
    this.services.onRemoved(event);
  }
}
