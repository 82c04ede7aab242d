import { Inject, Injectable } from '@nestjs/common';
import { deploymentStream, environmentStream, type DeploymentSucceeded, type Recorded } from '@foldline/contracts';
import { because, COMMANDS, PermanentError, type Commands } from '@foldline/kernel';
import { deploymentDecider } from '../deployment/deployment.decider.ts';
import { environmentDecider } from './environment.decider.ts';

/** What was deployed successfully is what the environment runs from now on. */
@Injectable()
export class RecordDeployed {
  constructor(@Inject(COMMANDS) private readonly commands: Commands) {}

  async onDeploymentSucceeded(event: Recorded<ReturnType<typeof DeploymentSucceeded>>): Promise<void> {
    const { deploymentId, environmentId, projectId, environment: name } = event.data;
    const { deployment } = await this.commands.stateOf(deploymentStream(deploymentId), deploymentDecider);
    if (!deployment) throw new PermanentError(`${event.stream} succeeded without having started`);
    const { sha, ref } = deployment;
    const url = event.data.url ?? deployment.url;
    const deployed = { environmentId, projectId, name, deploymentId, sha, ref, ...(url !== undefined && { url }) };
    await this.commands.handle(
      environmentStream(environmentId),
      environmentDecider,
      { type: 'RecordDeployed', deployed },
      because(event, 'deployer'),
    );
  }
}
