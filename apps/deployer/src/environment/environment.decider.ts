import { EnvironmentCreated, EnvironmentDeployed, type EventsOf } from '@foldline/contracts';
import { Decision, type Decider } from '@foldline/kernel';

type Environment = ReturnType<typeof EnvironmentCreated>['data'];
type Deployed = ReturnType<typeof EnvironmentDeployed>['data'];

/** `current` is the deployment that runs there now. */
export type EnvironmentState = { exists: boolean; current?: string };

export type EnvironmentCommand =
  { type: 'UseEnvironment'; environment: Environment } | { type: 'RecordDeployed'; deployed: Deployed };

export type EnvironmentEvent = EventsOf<{
  EnvironmentCreated: typeof EnvironmentCreated;
  EnvironmentDeployed: typeof EnvironmentDeployed;
}>;

/** A named place of a project that jobs deploy to. It comes into being when the first of them is assigned. */
export const environmentDecider: Decider<EnvironmentState, EnvironmentCommand, EnvironmentEvent> = {
  initialState: () => ({ exists: false }),

  evolve: (state, event) => {
    state.exists = true;
    if (event.type === 'EnvironmentDeployed') state.current = event.data.deploymentId;
    return state;
  },

  decide: (command, state) => {
    const decision = new Decision<EnvironmentState, EnvironmentEvent>(state, environmentDecider.evolve);
    if (command.type === 'UseEnvironment') {
      if (!state.exists) decision.emit(EnvironmentCreated(command.environment));
    } else if (state.current !== command.deployed.deploymentId) {
      decision.emit(EnvironmentDeployed(command.deployed));
    }
    return decision.events;
  },
};
