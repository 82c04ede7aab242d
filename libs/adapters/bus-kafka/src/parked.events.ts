import type { NewEvent } from '@foldline/contracts';
import type { EventReference } from './event-message.ts';

/** Why the first of a key's events waits. */
export type ParkedFailure = { error: string; attempts: number; parkedAt: string };

/**
 * What happens to the keys of a group that are set aside: the stream `parked-<group>`, read by every process, written by
 * every member of the group and by whoever asks for a replay or gives events up.
 */
export type ParkedEvent =
  /** The first event failed for good; the others were waiting behind it. */
  | Typed<'KeyParked', { key: string; partition: number; events: EventReference[] } & ParkedFailure>
  /** More events of a parked key have come. */
  | Typed<'EventsDiverted', { key: string; events: EventReference[] }>
  | Typed<'KeyReplayRequested', { key: string; request: string }>
  /** The first waiting event was handled after all. */
  | Typed<'ParkedEventReplayed', { key: string; request: string; eventId: string }>
  /** Nothing of the key waits any more; it flows again. */
  | Typed<'KeyReplayed', { key: string; request: string }>
  /** The first waiting event failed again; the key stays parked. */
  | Typed<'KeyReplayFailed', { key: string; request: string } & ParkedFailure>
  | Typed<'KeyDiscarded', { key: string; events: number }>;

type Typed<Type extends string, Data> = NewEvent<Type, Data>;

export const PARKED_CATEGORY = 'parked';
export const parkedStream = (group: string): string => `${PARKED_CATEGORY}-${group}`;
export const groupOfParkedStream = (stream: string): string => stream.slice(PARKED_CATEGORY.length + 1);

export const parkedEvent = <Type extends ParkedEvent['type']>(
  type: Type,
  data: Extract<ParkedEvent, { type: Type }>['data'],
): ParkedEvent => ({ type, version: 1, data }) as Extract<ParkedEvent, { type: Type }>;
