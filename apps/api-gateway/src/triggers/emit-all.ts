import type { NewEvent } from '@foldline/contracts';
import { Decision } from '@foldline/kernel';

/** Folds what was decided into the state, as every decider must leave it. */
export const emitAll = <State, Event extends NewEvent>(
  state: State,
  evolve: (state: State, event: Event) => State,
  events: readonly Event[],
): Event[] => {
  const decision = new Decision(state, evolve);
  for (const event of events) decision.emit(event);
  return decision.events;
};
