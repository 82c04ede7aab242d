import {
  ServiceDeploymentAdvanced,
  ServiceDeploymentFailed,
  ServiceDeploymentRolledBack,
  ServiceDeploymentStarted,
  ServiceDeploymentSucceeded,
  type EventsOf,
  type WantedDeployment,
} from '@foldline/contracts';
import { Decision, type Decider } from '@foldline/kernel';

const EVENTS = {
  ServiceDeploymentStarted,
  ServiceDeploymentAdvanced,
  ServiceDeploymentSucceeded,
  ServiceDeploymentFailed,
  ServiceDeploymentRolledBack,
};
type ServiceDeploymentEvent = EventsOf<typeof EVENTS>;
type Phase = ReturnType<typeof ServiceDeploymentAdvanced>['data']['phase'];

export type ServiceDeploymentState = {
  wanted?: WantedDeployment;
  phase?: Phase;
  outcome?: 'success' | 'failed' | 'rolled_back';
};
export type ServiceDeploymentCommand =
  | { type: 'StartServiceDeployment'; wanted: WantedDeployment }
  | { type: 'AdvanceServiceDeployment'; phase: Phase }
  | { type: 'SucceedServiceDeployment'; image: string; imageId: string }
  | { type: 'FailServiceDeployment'; code: string; because: string }
  | { type: 'RollBackServiceDeployment'; by: string };

const evolve = (state: ServiceDeploymentState, event: ServiceDeploymentEvent): ServiceDeploymentState => {
  switch (event.type) {
    case 'ServiceDeploymentStarted':
      state.wanted = event.data;
      return state;
    case 'ServiceDeploymentAdvanced':
      state.phase = event.data.phase;
      return state;
    case 'ServiceDeploymentSucceeded':
      state.outcome = 'success';
      return state;
    case 'ServiceDeploymentFailed':
      state.outcome = 'failed';
      return state;
    case 'ServiceDeploymentRolledBack':
      state.outcome = 'rolled_back';
      return state;
  }
};

const decide = (command: ServiceDeploymentCommand, state: ServiceDeploymentState): ServiceDeploymentEvent[] => {
  const { wanted, phase, outcome } = state;
  if (command.type === 'StartServiceDeployment') return wanted ? [] : [ServiceDeploymentStarted(command.wanted)];
  if (!wanted) return [];
  const { deploymentId, serviceId, number } = wanted;
  const names = { deploymentId, serviceId };
  if (command.type === 'RollBackServiceDeployment')
    return outcome === 'success' ? [ServiceDeploymentRolledBack({ ...names, by: command.by })] : [];
  if (outcome !== undefined) return [];
  const { type, ...data } = command;
  if (type === 'AdvanceServiceDeployment') {
    const next = (data as { phase: Phase }).phase;
    return phase === next ? [] : [ServiceDeploymentAdvanced({ ...names, phase: next })];
  }
  return type === 'SucceedServiceDeployment'
    ? [ServiceDeploymentSucceeded({ ...names, number, ...(data as { image: string; imageId: string }) })]
    : [ServiceDeploymentFailed({ ...names, ...(data as { code: string; because: string }) })];
};

/** A deployment of a service begins once and ends once; one that has succeeded may be taken back by another. */
export const serviceDeploymentDecider: Decider<
  ServiceDeploymentState,
  ServiceDeploymentCommand,
  ServiceDeploymentEvent
> = {
  initialState: () => ({}),
  evolve,
  decide: (command, state) => {
    const decision = new Decision(state, evolve);
    for (const event of decide(command, state)) decision.emit(event);
    return decision.events;
  },
};
