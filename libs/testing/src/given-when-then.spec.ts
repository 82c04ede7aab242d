import { describe, expect, it } from '@jest/globals';
import { LogSealed, type EventsOf } from '@foldline/contracts';
import { Refusal, type Decider } from '@foldline/kernel';
import { givenWhenThen } from './given-when-then.ts';

type State = { sealed: string[] };
type Command = { type: 'Seal'; attemptId: string };
type Event = EventsOf<{ LogSealed: typeof LogSealed }>;

const sealed = (attemptId: string): Event =>
  LogSealed({ attemptId, jobId: 'p.0', pipelineId: 'p', bytes: 0, sha256: '0'.repeat(64), complete: true });

const decider: Decider<State, Command, Event> = {
  initialState: () => ({ sealed: [] }),
  evolve: (state, event) => {
    state.sealed.push(event.data.attemptId);
    return state;
  },
  decide: ({ attemptId }, state) => {
    if (attemptId === 'forbidden') throw new Refusal('forbidden', 'no');
    if (state.sealed.includes(attemptId)) return [];
    state.sealed.push(attemptId);
    return [sealed(attemptId)];
  },
};
const seal = (attemptId: string): Command => ({ type: 'Seal', attemptId });

describe('given/when/then', () => {
  const given = givenWhenThen(decider);

  it('accepts what was decided, nothing, and a refusal', () => {
    given().when(seal('a')).then(sealed('a'));
    given(sealed('a')).when(seal('a')).thenNothing();
    given().when(seal('forbidden')).thenRefused('forbidden');
  });

  it('fails on other events, on too many and on none', () => {
    expect(() => given().when(seal('a')).then(sealed('b'))).toThrow();
    expect(() => given().when(seal('a')).thenNothing()).toThrow();
    expect(() => given(sealed('a')).when(seal('a')).then(sealed('a'))).toThrow();
  });

  it('fails when a refusal is missing or has another code', () => {
    expect(() => given().when(seal('a')).thenRefused('forbidden')).toThrow('not refused, decided [LogSealed]');
    expect(() => given().when(seal('forbidden')).thenRefused('other')).toThrow();
  });

  it('fails when decide does not leave the state as its events do', () => {
    const forgetful = { ...decider, decide: ({ attemptId }: Command) => [sealed(attemptId)] };
    expect(() => givenWhenThen(forgetful)().when(seal('a')).then(sealed('a'))).toThrow();
  });

  it('fails when a decided event does not have its declared shape', () => {
    const sloppy = givenWhenThen<State, Command, Event>({
      ...decider,
      decide: ({ attemptId }, state) => {
        const event = LogSealed({ ...sealed(attemptId).data, bytes: -1 });
        decider.evolve(state, event);
        return [event];
      },
    });
    expect(() => sloppy().when(seal('a')).thenNothing()).toThrow('bytes');
  });

  it('fails when a decider writes into the events that were given', () => {
    const meddling = givenWhenThen<State, Command, Event>({
      ...decider,
      evolve: (state, event) => {
        event.data.bytes += 1;
        return decider.evolve(state, event);
      },
    });
    expect(() => meddling(sealed('a')).when(seal('a')).thenNothing()).toThrow(TypeError);
  });
});
