import { MaintenanceFinished, PrunedBytesDeleted, type EventsOf } from '@foldline/contracts';
import { Decision, type Decider } from '@foldline/kernel';

export type PassState = { finished: boolean };
export type PassCommand =
  | ({ type: 'RecordDeletion' } & ReturnType<typeof PrunedBytesDeleted>['data'])
  | ({ type: 'FinishPass' } & ReturnType<typeof MaintenanceFinished>['data']);
export type PassEvent = EventsOf<{
  PrunedBytesDeleted: typeof PrunedBytesDeleted;
  MaintenanceFinished: typeof MaintenanceFinished;
}>;

/** One look at everything that is kept: what it has deleted, and that it has ended, which it does once. */
export const passDecider: Decider<PassState, PassCommand, PassEvent> = {
  initialState: () => ({ finished: false }),

  evolve: (state, event) => {
    if (event.type === 'MaintenanceFinished') state.finished = true;
    return state;
  },

  decide: (command, state) => {
    const decision = new Decision<PassState, PassEvent>(state, passDecider.evolve);
    if (command.type === 'RecordDeletion') {
      const { type: _type, ...deleted } = command;
      decision.emit(PrunedBytesDeleted(deleted));
    } else if (!state.finished) {
      const { type: _type, ...finished } = command;
      decision.emit(MaintenanceFinished(finished));
    }
    return decision.events;
  },
};
