import { LogPruned, LogSealed, type EventsOf, type PruneReason } from '@foldline/contracts';
import { Decision, type Decider } from '@foldline/kernel';

type Log = ReturnType<typeof LogSealed>['data'];

export type LogDecisionState = { sealed?: Log; pruned: boolean };
export type LogCommand = { type: 'SealLog'; log: Log } | { type: 'PruneLog'; because: PruneReason };
export type LogEvent = EventsOf<{ LogSealed: typeof LogSealed; LogPruned: typeof LogPruned }>;

/**
 * An attempt's log is sealed once; nothing that is said of it later changes what was sealed. Only what is sealed is
 * pruned, and that once, too.
 */
export const logDecider: Decider<LogDecisionState, LogCommand, LogEvent> = {
  initialState: () => ({ pruned: false }),

  evolve: (state, event) => {
    if (event.type === 'LogSealed') state.sealed = event.data;
    else state.pruned = true;
    return state;
  },

  decide: (command, state) => {
    const decision = new Decision<LogDecisionState, LogEvent>(state, logDecider.evolve);
    if (command.type === 'SealLog') {
      if (!state.sealed) decision.emit(LogSealed(command.log));
    } else if (state.sealed && !state.pruned) {
      const { complete: _complete, ...log } = state.sealed;
      decision.emit(LogPruned({ ...log, because: command.because }));
    }
    return decision.events;
  },
};
