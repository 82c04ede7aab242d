import { expect } from '@jest/globals';
import { definitionOf, type NewEvent } from '@foldline/contracts';
import { Refusal, type Decider } from '@foldline/kernel';

/** What a command must have come to. Each check throws as Jest does. */
export type Outcome<Event extends NewEvent> = {
  /** Exactly these events, in this order. */
  then: (...events: Event[]) => void;
  thenNothing: () => void;
  /** A `Refusal` of this code, and no events. */
  thenRefused: (code: string) => void;
};

export type Given<Command, Event extends NewEvent> = (...events: Event[]) => {
  when: (command: Command) => Outcome<Event>;
};

/**
 * Tells what a decider does in its own words: `given(...events).when(command).then(...events)`.
 *
 * Besides the events it checks what `Decider` promises: `decide` leaves the state as if its events had been folded,
 * nothing that was given is changed, and every decided event has the shape that its definition declares.
 */
export const givenWhenThen = <State, Command extends { type: string }, Event extends NewEvent>(
  decider: Decider<State, Command, Event>,
): Given<Command, Event> => {
  const fold = (events: readonly Event[]): State =>
    events.reduce((state, event) => decider.evolve(state, event), decider.initialState());

  const decide = (given: readonly Event[], command: Command): Event[] => {
    const state = fold(given);
    const decided = decider.decide(command, state);
    for (const event of decided) expectDeclaredShape(event);
    expect(state).toEqual(fold([...given, ...frozen(decided)]));
    return decided;
  };

  return (...events) => ({
    when: (command) => {
      const run = () => decide(frozen(events), frozen(command));
      return {
        // The word of the trade; nobody awaits this object, and doing so would fail the spec.
        // oxlint-disable-next-line unicorn/no-thenable
        then: (...expected) => expect(run()).toEqual(expected),
        thenNothing: () => expect(run()).toEqual([]),
        thenRefused: (code) => expect(refusalOf(run)).toBe(code),
      };
    },
  });
};

const expectDeclaredShape = (event: NewEvent): void => {
  const definition = definitionOf(event.type);
  expect({ type: event.type, declaredVersion: definition?.version }).toEqual({
    type: event.type,
    declaredVersion: event.version,
  });
  const problems = definition?.schema.safeParse(event.data).error?.issues ?? [];
  expect({ type: event.type, problems }).toEqual({ type: event.type, problems: [] });
};

/** The code of the refusal that the work ends in; an explanation when it does not. */
const refusalOf = (work: () => NewEvent[]): string => {
  try {
    const events = work().map(({ type }) => type);
    return `not refused, decided [${events.join(', ')}]`;
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
};

/** A copy that cannot be changed, so that a decider which writes into what it was given fails its own specs. */
const frozen = <Value>(value: Value): Value => freeze(structuredClone(value));

const freeze = <Value>(value: Value): Value => {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
};
