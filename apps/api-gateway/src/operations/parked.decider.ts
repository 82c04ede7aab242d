import { ParkedEventsDiscarded } from '@foldline/contracts';
import type { Decider } from '@foldline/kernel';

type Discarded = ReturnType<typeof ParkedEventsDiscarded>;

/** Giving up events is the one loss that is allowed; it is on record with its reason. */
export const parkedDecider: Decider<null, { type: 'RecordDiscard' } & Discarded['data'], Discarded> = {
  initialState: () => null,
  evolve: (state) => state,
  decide: ({ type: _type, ...data }) => [ParkedEventsDiscarded(data)],
};
