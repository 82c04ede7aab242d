import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import {
  DeploymentSucceeded,
  JobAssigned,
  JobCancelled,
  JobFailed,
  JobSucceeded,
  type Recorded,
} from '@foldline/contracts';
import { DeployWithJob } from './deployment/deploy-with-job.policy.ts';
import { RecordDeployed } from './environment/record-on-deployment-succeeded.policy.ts';

/** What the deployer reacts to. */
@Controller()
export class DeployerEvents {
  constructor(
    @Inject(DeployWithJob) private readonly deployWithJob: DeployWithJob,
    @Inject(RecordDeployed) private readonly recordDeployed: RecordDeployed,
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
}
