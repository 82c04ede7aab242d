import { SnapshotPruned } from '@foldline/contracts';
import { Decision, type Decider } from '@foldline/kernel';

type Pruned = ReturnType<typeof SnapshotPruned>;

export type SnapshotState = { pruned: boolean };
export type SnapshotCommand = { type: 'PruneSnapshot' } & Pruned['data'];

/** What becomes of the state behind a step, which the attempt's own stream has told: it is pruned once. */
export const snapshotDecider: Decider<SnapshotState, SnapshotCommand, Pruned> = {
  initialState: () => ({ pruned: false }),

  evolve: (state) => {
    state.pruned = true;
    return state;
  },

  decide: ({ type: _type, ...pruned }, state) => {
    const decision = new Decision<SnapshotState, Pruned>(state, snapshotDecider.evolve);
    if (!state.pruned) decision.emit(SnapshotPruned(pruned));
    return decision.events;
  },
};
