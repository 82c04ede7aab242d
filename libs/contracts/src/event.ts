import type { z } from 'zod';

/** An event as a decider makes it: what happened, in the past tense, without saying where or when it was stored. */
export type NewEvent<Type extends string = string, Data = unknown> = {
  type: Type;
  /** Version of the data's schema. A changed meaning is a new version or a new name. */
  version: number;
  data: Data;
};

/** Who asked for the change that an event records. */
export type Actor = { kind: 'user' | 'runner' | 'system'; id: string };

/** An event as the store gives it back. */
export type RecordedEvent<Type extends string = string, Data = unknown> = NewEvent<Type, Data> & {
  /** UUIDv5 of cause, handler and number: the same on every retry, so a repeated append is recognised. */
  id: string;
  stream: string;
  /** 0-based number in its stream, without gaps. */
  revision: number;
  /** Place in the whole log; grows, and may skip numbers. */
  position: number;
  causationId: string;
  /** The pipeline this belongs to, or the stream itself; what must be handled in order shares it. */
  correlationId: string;
  actor: Actor;
  /** RFC 3339 in UTC. For people and for durations shown to them, never for decisions between hosts. */
  recordedAt: string;
};

export type EventDefinition<Type extends string, Data> = ((data: Data) => NewEvent<Type, Data>) & {
  readonly type: Type;
  readonly version: number;
  readonly schema: z.ZodType<Data>;
};

const definitions = new Map<string, EventDefinition<string, never>>();

/**
 * Declares an event once: its name, its version and the shape of its data.
 * The result makes such events, and carries `type` for `@EventPattern`.
 */
export const defineEvent = <Type extends string, Data>(
  type: Type,
  version: number,
  schema: z.ZodType<Data>,
): EventDefinition<Type, Data> => {
  if (definitions.has(type)) throw new Error(`the event ${type} is declared twice`);
  const make = (data: Data): NewEvent<Type, Data> => ({ type, version, data });
  const definition = Object.assign(make, { type, version, schema });
  definitions.set(type, definition as unknown as EventDefinition<string, never>);
  return definition;
};

/** The definition of a stored event's type; `undefined` when no release up to this one knows it. */
export const definitionOf = (type: string): EventDefinition<string, never> | undefined => definitions.get(type);

/** Every type of event that this release knows. */
export const eventTypes = (): string[] => [...definitions.keys()];

/** The union of events that a list of definitions makes. */
export type EventsOf<Definitions extends Record<string, (data: never) => NewEvent>> = {
  [Name in keyof Definitions]: ReturnType<Definitions[Name]>;
}[keyof Definitions];

export type Recorded<Event> = Event extends NewEvent<infer Type, infer Data> ? RecordedEvent<Type, Data> : never;
