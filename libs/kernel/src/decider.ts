import type { NewEvent } from '@foldline/contracts';

/**
 * The rules of one kind of stream, without any outside world: no clock, randomness, network or environment.
 *
 * A state belongs to the caller alone, so both functions may change it in place: folding an event costs what the
 * event changes, however much the state holds. `decide` leaves the state as if its events had been folded, which is
 * what lets it ask "and what follows from that?" before anything is stored; the command loop throws the state away
 * when the append is refused. See docs/adr/0003-states-change-in-place.md.
 */
export type Decider<State, Command extends { type: string }, Event extends NewEvent> = {
  initialState: () => State;
  evolve: (state: State, event: Event) => State;
  /** Events that follow from the command; none when there is nothing to do. Throws `Refusal` when it may not be. */
  decide: (command: Command, state: State) => Event[];
};

/** Collects what is decided and folds it at once, so that the next question sees the new state. */
export class Decision<State, Event extends NewEvent> {
  readonly events: Event[] = [];
  constructor(
    public state: State,
    private readonly evolve: (state: State, event: Event) => State,
  ) {}
  emit(event: Event): void {
    this.events.push(event);
    this.state = this.evolve(this.state, event);
  }
}
