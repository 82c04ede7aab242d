import { Module } from '@nestjs/common';
import { DeployerEvents } from './deployer.events.ts';
import { DeployWithJob } from './deployment/deploy-with-job.policy.ts';
import { RecordDeployed } from './environment/record-on-deployment-succeeded.policy.ts';
import { DeployService } from './service/deploy-service.ts';
import { PublishedServices } from './service/published-services.ts';
import { ServiceDeployments } from './service/service-deployments.background.ts';

/** Keeps environments and the deployments to them, and runs what services were deployed. */
@Module({
  controllers: [DeployerEvents],
  providers: [DeployWithJob, RecordDeployed, PublishedServices, DeployService, ServiceDeployments],
})
export class DeployerModule {}
