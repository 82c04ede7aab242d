import { definitionOf, type Actor, type NewEvent } from '@foldline/contracts';
import type { Aggregate } from './aggregate-cache.ts';
import type { Decider } from './decider.ts';
import { PermanentError } from './errors.ts';
import { eventId } from './event-ids.ts';
import type { EventToAppend } from './ports/event-store.port.ts';

/** Why a command is given: the event or request that caused it. The same cause never acts twice on one stream. */
export type Cause = { id: string; correlationId?: string; actor: Actor };

export type Asked = { command: { type: string }; cause: Cause };

/** What one command came to: so many events of the group, from one of them on, or an error. */
export type Outcome<Command> = {
  asked: Command;
  from: number;
  count: number;
  /** It has acted before, which needs no decision. */
  known?: boolean;
  error?: unknown;
};

export type Group<Command> = {
  outcomes: Outcome<Command>[];
  events: EventToAppend[];
  /** The last command was refused halfway, and the state is nobody's any more. */
  spoiled: boolean;
};

/** One append holds little more than so many events; a command's own stay together, however many they are. */
const GROUP_EVENTS = 64;

/** Decides the first of these commands, each on what the ones before it have decided; a refusal is the last of its group. */
export const decideTogether = <State, Command extends Asked>(
  stream: string,
  decider: Decider<State, { type: string }, NewEvent>,
  waiting: readonly Command[],
  { state, eventIds }: Aggregate<State>,
): Group<Command> => {
  const group: Group<Command> = { outcomes: [], events: [], spoiled: false };
  const decided = new Set<string>();
  for (const asked of waiting) {
    const { command, cause } = asked;
    const from = group.events.length;
    const first = eventId(cause.id, stream, command.type, 0);
    if (eventIds.has(first) || decided.has(first)) {
      group.outcomes.push({ asked, from, count: 0, known: true });
      continue;
    }
    try {
      const events = decider.decide(command, state).map((event, n) => prepare(event, stream, command.type, cause, n));
      group.events.push(...events);
      group.outcomes.push({ asked, from, count: events.length });
      if (events.length > 0) decided.add(first);
    } catch (error) {
      group.outcomes.push({ asked, from, count: 0, error });
      group.spoiled = true;
      return group;
    }
    if (group.events.length >= GROUP_EVENTS) return group;
  }
  return group;
};

/** The event as it is stored: checked, and with the id that follows from its cause. */
export const prepare = (event: NewEvent, stream: string, command: string, cause: Cause, n: number): EventToAppend => {
  const checked = definitionOf(event.type)?.schema.safeParse(event.data);
  if (!checked) throw new PermanentError(`${event.type} is not a declared event`);
  if (!checked.success) throw new PermanentError(`${event.type} has the wrong shape: ${checked.error.message}`);
  return {
    ...event,
    id: eventId(cause.id, stream, command, n),
    causationId: cause.id,
    correlationId: cause.correlationId ?? stream,
    actor: cause.actor,
  };
};
