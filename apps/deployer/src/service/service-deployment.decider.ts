import {
  ServiceDeploymentAdvanced,
  ServiceDeploymentCancelling,
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
  ServiceDeploymentCancelling,
  ServiceDeploymentSucceeded,
  ServiceDeploymentFailed,
  ServiceDeploymentRolledBack,
};
type ServiceDeploymentEvent = EventsOf<typeof EVENTS>;
export type Phase = ReturnType<typeof ServiceDeploymentAdvanced>['data']['phase'];

export type ServiceDeploymentState = {
  wanted?: WantedDeployment;
  phase?: Phase;
  isCancelled?: true;
  outcome?: 'success' | 'failed' | 'rolled_back';
};
export type ServiceDeploymentCommand =
  | { type: 'StartServiceDeployment'; wanted: WantedDeployment }
  | { type: 'AdvanceServiceDeployment'; phase: Phase }
  | { type: 'SucceedServiceDeployment'; image: string; imageId: string }
  | { type: 'FailServiceDeployment'; code: string; because: string }
  | { type: 'CancelServiceDeployment' }
  | { type: 'RollBackServiceDeployment'; by: string };

export const CANCELLED = { code: 'cancelled', because: 'the deployment was cancelled' } as const;

const evolve = (state: ServiceDeploymentState, event: ServiceDeploymentEvent): ServiceDeploymentState => {
  switch (event.type) {
    case 'ServiceDeploymentStarted':
      state.wanted = event.data;
      return state;
    case 'ServiceDeploymentAdvanced':
      state.phase = event.data.phase;
      return state;
    case 'ServiceDeploymentCancelling':
      state.isCancelled = true;
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
  if (command.type === 'FailServiceDeployment') {
    // Whatever else has gone wrong meanwhile, it ends because somebody wanted it to.
    const { code, because } = state.isCancelled ? CANCELLED : command;
    return [ServiceDeploymentFailed({ ...names, code, because })];
  }
  if (state.isCancelled) return [];
  switch (command.type) {
    case 'AdvanceServiceDeployment':
      return phase === command.phase ? [] : [ServiceDeploymentAdvanced({ ...names, phase: command.phase })];
    case 'CancelServiceDeployment':
      return cancelled(names, phase);
    case 'SucceedServiceDeployment': {
      const { image, imageId } = command;
      return [ServiceDeploymentSucceeded({ ...names, number, image, imageId })];
    }
  }
};

/** There is nothing of one that waits. Of one that goes on there may be a container; one that takes over goes on. */
const cancelled = (
  names: Pick<WantedDeployment, 'deploymentId' | 'serviceId'>,
  phase: Phase | undefined,
): ServiceDeploymentEvent[] => {
  if (phase === 'switch') return [];
  return phase === undefined
    ? [ServiceDeploymentFailed({ ...names, ...CANCELLED })]
    : [ServiceDeploymentCancelling(names)];
};

/**
 * A deployment of a service begins once and ends once. Until it takes over it may be cancelled; one that has succeeded
 * may be taken back by another.
 */
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
