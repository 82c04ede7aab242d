import { Module } from '@nestjs/common';
import { DeployerEvents } from './deployer.events.ts';
import { DeployWithJob } from './deployment/deploy-with-job.policy.ts';
import { RecordDeployed } from './environment/record-on-deployment-succeeded.policy.ts';

/** Keeps environments and the deployments to them. */
@Module({ controllers: [DeployerEvents], providers: [DeployWithJob, RecordDeployed] })
export class DeployerModule {}
