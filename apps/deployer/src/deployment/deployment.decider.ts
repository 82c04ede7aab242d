import { DeploymentFailed, DeploymentStarted, DeploymentSucceeded, type EventsOf } from '@foldline/contracts';
import { Decision, type Decider } from '@foldline/kernel';

export type Deployment = ReturnType<typeof DeploymentStarted>['data'];

/** `deployment` is absent for an attempt that deploys nothing. */
export type DeploymentState = { status: 'none' | 'deploying' | 'success' | 'failed'; deployment?: Deployment };

export type DeploymentCommand =
  | { type: 'StartDeployment'; deployment: Deployment }
  /** `url` when only the job itself could tell it. */
  | { type: 'SucceedDeployment'; url?: string }
  | { type: 'FailDeployment'; because: string };

export type DeploymentEvent = EventsOf<{
  DeploymentStarted: typeof DeploymentStarted;
  DeploymentSucceeded: typeof DeploymentSucceeded;
  DeploymentFailed: typeof DeploymentFailed;
}>;

/** One attempt of a job that deploys to an environment. It ends once, with its job. */
export const deploymentDecider: Decider<DeploymentState, DeploymentCommand, DeploymentEvent> = {
  initialState: () => ({ status: 'none' }),

  evolve: (state, event) => {
    switch (event.type) {
      case 'DeploymentStarted':
        state.status = 'deploying';
        state.deployment = event.data;
        break;
      case 'DeploymentSucceeded':
        state.status = 'success';
        break;
      case 'DeploymentFailed':
        state.status = 'failed';
        break;
    }
    return state;
  },

  decide: (command, state) => {
    const decision = new Decision<DeploymentState, DeploymentEvent>(state, deploymentDecider.evolve);
    if (command.type === 'StartDeployment') {
      if (state.status === 'none') decision.emit(DeploymentStarted(command.deployment));
    } else if (state.status === 'deploying' && state.deployment) {
      const deployment = namesOf(state.deployment);
      decision.emit(
        command.type === 'SucceedDeployment'
          ? DeploymentSucceeded({ ...deployment, ...(command.url !== undefined && { url: command.url }) })
          : DeploymentFailed({ ...deployment, because: command.because }),
      );
    }
    return decision.events;
  },
};

const namesOf = ({ deploymentId, environmentId, projectId, environment, pipelineId, jobId }: Deployment) => ({
  deploymentId,
  environmentId,
  projectId,
  environment,
  pipelineId,
  jobId,
});
