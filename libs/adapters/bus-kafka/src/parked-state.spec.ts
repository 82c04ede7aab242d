import { beforeEach, describe, expect, it } from '@jest/globals';
import type { EventReference } from './event-message.ts';
import {
  decideDiscard,
  decideDivert,
  decidePark,
  decideReplay,
  decideReplayed,
  decideReplayFailed,
  evolveParked,
  nothingParked,
  type ParkedState,
} from './parked-state.ts';
import type { ParkedEvent } from './parked.events.ts';

const reference = (revision: number, stream = 'pipeline-a'): EventReference => ({
  eventId: `${stream}@${revision}`,
  type: 'JobQueued',
  stream,
  revision,
  position: revision + 1,
});
const failure = { error: 'never', attempts: 3, parkedAt: '2026-01-01T00:00:00.000Z' };

describe('the parked keys of a group', () => {
  let state: ParkedState;

  beforeEach(() => {
    state = nothingParked();
    apply(decidePark(state, { key: 'a', partition: 1, events: [reference(3), reference(4)], ...failure }));
  });

  const apply = <Result>({ events, result }: { events: ParkedEvent[]; result: Result }): Result => {
    for (const event of events) evolveParked(state, event);
    return result;
  };
  const waiting = (): number[] | undefined => state.keys.get('a')?.events.map(({ revision }) => revision);

  it('keep their events in the order in which they came', () => {
    expect(apply(decideDivert(state, 'a', [reference(5), reference(0, 'plan-a')]))).toBe(true);
    expect(waiting()).toEqual([3, 4, 5, 0]);
  });

  it('take nothing twice, also not what was handled before the one that failed', () => {
    expect(decideDivert(state, 'a', [reference(2), reference(3), reference(4)])).toEqual({ events: [], result: true });
    apply(
      decidePark(state, { key: 'a', partition: 1, events: [reference(3), reference(4), reference(5)], ...failure }),
    );
    expect(waiting()).toEqual([3, 4, 5]);
  });

  it('take nothing of a key that is not parked', () => {
    expect(decideDivert(state, 'b', [reference(5)])).toEqual({ events: [], result: false });
  });

  it('flow again with the last event that was handled', () => {
    expect(apply(decideReplay(state, 'a', 'one'))).toBe('one');
    apply(decideReplayed(state, 'a', 'one', 'pipeline-a@3'));
    expect(waiting()).toEqual([4]);
    apply(decideReplayed(state, 'a', 'one', 'pipeline-a@4'));
    expect(waiting()).toBeUndefined();
    expect(state.outcomes.get('one')).toEqual({ replayed: 2, parked: false });
  });

  it('count an event once when two members replay it', () => {
    apply(decideReplay(state, 'a', 'one'));
    apply(decideReplayed(state, 'a', 'one', 'pipeline-a@3'));
    expect(decideReplayed(state, 'a', 'one', 'pipeline-a@3').events).toEqual([]);
  });

  it('stay parked with what failed again', () => {
    apply(decideReplay(state, 'a', 'one'));
    apply(decideReplayed(state, 'a', 'one', 'pipeline-a@3'));
    apply(decideReplayFailed(state, 'a', 'one', { ...failure, error: 'still' }));
    expect(state.keys.get('a')).toMatchObject({ error: 'still', events: [reference(4)] });
    expect(state.outcomes.get('one')).toEqual({ replayed: 1, parked: true });
  });

  it('are replayed once for all who ask meanwhile', () => {
    apply(decideReplay(state, 'a', 'one'));
    expect(decideReplay(state, 'a', 'two')).toEqual({ events: [], result: 'one' });
    expect(decideReplay(state, 'b', 'two')).toEqual({ events: [], result: undefined });
  });

  it('are forgotten when they are given up, also in the middle of a replay', () => {
    apply(decideReplay(state, 'a', 'one'));
    expect(apply(decideDiscard(state, 'a'))).toBe(2);
    expect(decideReplayed(state, 'a', 'one', 'pipeline-a@3').events).toEqual([]);
    expect(decideDiscard(state, 'a')).toEqual({ events: [], result: 0 });
    expect(state.outcomes.get('one')).toEqual({ replayed: 0, parked: false });
  });
});
