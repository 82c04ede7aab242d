import type { EventReference } from './event-message.ts';
import { parkedEvent, type ParkedEvent, type ParkedFailure } from './parked.events.ts';

export type ParkedKey = ParkedFailure & {
  partition: number;
  /** Those that wait, in the order in which they came; the first is the one that failed. */
  events: EventReference[];
  /** The replay that was asked for and has not ended. */
  request?: { id: string; replayed: number };
};

export type ReplayOutcome = { replayed: number; parked: boolean };

export type ParkedState = {
  keys: Map<string, ParkedKey>;
  /** How the last replays ended, by request. */
  outcomes: Map<string, ReplayOutcome>;
};

const REMEMBERED_OUTCOMES = 1_000;

export const nothingParked = (): ParkedState => ({ keys: new Map(), outcomes: new Map() });

/** Changes the state; an event of a later release that is not known here changes nothing. */
export const evolveParked = (state: ParkedState, event: ParkedEvent): void => {
  const parked = state.keys.get(event.data.key);
  switch (event.type) {
    case 'KeyParked': {
      const { key, partition, events, error, attempts, parkedAt } = event.data;
      state.keys.set(key, { partition, events: [...events], error, attempts, parkedAt });
      return;
    }
    case 'EventsDiverted':
      parked?.events.push(...event.data.events);
      return;
    case 'KeyReplayRequested':
      if (parked) parked.request = { id: event.data.request, replayed: 0 };
      return;
    case 'ParkedEventReplayed':
      parked?.events.shift();
      if (parked?.request) parked.request.replayed += 1;
      return;
    case 'KeyReplayed':
    case 'KeyDiscarded':
      end(state, parked, false);
      state.keys.delete(event.data.key);
      return;
    case 'KeyReplayFailed': {
      const { error, attempts, parkedAt } = event.data;
      end(state, parked, true);
      if (parked) Object.assign(parked, { error, attempts, parkedAt });
      return;
    }
  }
};

const end = (state: ParkedState, parked: ParkedKey | undefined, staysParked: boolean): void => {
  if (!parked?.request) return;
  state.outcomes.set(parked.request.id, { replayed: parked.request.replayed, parked: staysParked });
  delete parked.request;
  if (state.outcomes.size > REMEMBERED_OUTCOMES) state.outcomes.delete(state.outcomes.keys().next().value!);
};

type Decision<Result> = { events: ParkedEvent[]; result: Result };

/** Sets a key aside with all its events; when it is already, they are added. */
export const decidePark = (
  state: ParkedState,
  { key, partition, events, ...failure }: { key: string; partition: number; events: EventReference[] } & ParkedFailure,
): Decision<void> =>
  state.keys.has(key)
    ? { events: decideDivert(state, key, events).events, result: undefined }
    : { events: [parkedEvent('KeyParked', { key, partition, events, ...failure })], result: undefined };

/**
 * Adds events to those that wait; the result says whether the key is still parked. What is delivered again after a
 * crash is not added again: within a stream events come in order, so one that is not beyond those that wait has been
 * here before.
 */
export const decideDivert = (state: ParkedState, key: string, events: EventReference[]): Decision<boolean> => {
  const parked = state.keys.get(key);
  if (!parked) return { events: [], result: false };
  const last = new Map<string, number>();
  for (const { stream, revision } of parked.events) last.set(stream, Math.max(revision, last.get(stream) ?? -1));
  const added = events.filter(({ stream, revision }) => revision > (last.get(stream) ?? -1));
  return { events: added.length === 0 ? [] : [parkedEvent('EventsDiverted', { key, events: added })], result: true };
};

/** The result is the request to wait for: this one, or one that runs already; `undefined` when nothing is parked. */
export const decideReplay = (state: ParkedState, key: string, request: string): Decision<string | undefined> => {
  const parked = state.keys.get(key);
  if (!parked) return { events: [], result: undefined };
  if (parked.request) return { events: [], result: parked.request.id };
  return { events: [parkedEvent('KeyReplayRequested', { key, request })], result: request };
};

/** Counts the first waiting event as handled. With the last of them the key flows again in the same step. */
export const decideReplayed = (state: ParkedState, key: string, request: string, eventId: string): Decision<void> => {
  const parked = state.keys.get(key);
  if (parked?.request?.id !== request || parked.events[0]?.eventId !== eventId)
    return { events: [], result: undefined };
  const replayed = parkedEvent('ParkedEventReplayed', { key, request, eventId });
  const ended = parked.events.length === 1 ? [parkedEvent('KeyReplayed', { key, request })] : [];
  return { events: [replayed, ...ended], result: undefined };
};

export const decideReplayFailed = (
  state: ParkedState,
  key: string,
  request: string,
  failure: ParkedFailure,
): Decision<void> => {
  if (state.keys.get(key)?.request?.id !== request) return { events: [], result: undefined };
  return { events: [parkedEvent('KeyReplayFailed', { key, request, ...failure })], result: undefined };
};

/** The result is how many events were given up. */
export const decideDiscard = (state: ParkedState, key: string): Decision<number> => {
  const parked = state.keys.get(key);
  if (!parked) return { events: [], result: 0 };
  const events = parked.events.length;
  return { events: [parkedEvent('KeyDiscarded', { key, events })], result: events };
};
