import { LogSealed, type EventsOf } from '@foldline/contracts';
import { Decision, type Decider } from '@foldline/kernel';

export type LogDecisionState = { sealed: boolean };
export type LogCommand = { type: 'SealLog'; log: ReturnType<typeof LogSealed>['data'] };
export type LogEvent = EventsOf<{ LogSealed: typeof LogSealed }>;

/** An attempt's log is sealed once; nothing that is said of it later changes what was sealed. */
export const logDecider: Decider<LogDecisionState, LogCommand, LogEvent> = {
  initialState: () => ({ sealed: false }),

  evolve: (state) => {
    state.sealed = true;
    return state;
  },

  decide: ({ log }, state) => {
    const decision = new Decision<LogDecisionState, LogEvent>(state, logDecider.evolve);
    if (!state.sealed) decision.emit(LogSealed(log));
    return decision.events;
  },
};
