import {
  OWNER,
  categoryOf,
  definitionOf,
  type Actor,
  type NewEvent,
  type RecordedEvent,
  type ServiceName,
  type StreamName,
} from '@foldline/contracts';
import { AggregateCache, type Aggregate } from './aggregate-cache.ts';
import type { Decider } from './decider.ts';
import { PermanentError, TransientError, WrongExpectedRevision } from './errors.ts';
import { eventId } from './event-ids.ts';
import type { Clock } from './ports/environment.ports.ts';
import type { EventStore, EventToAppend } from './ports/event-store.port.ts';

/** Why a command is given: the event or request that caused it. The same cause never acts twice on one stream. */
export type Cause = { id: string; correlationId?: string; actor: Actor };

/** `state` is the stream's folded state after the events; look, do not change. */
export type Handled<State = unknown> = { events: RecordedEvent[]; position: number; revision: number; state: State };
type Stored = Omit<Handled, 'state'>;

type Retry = { conflicts: number; unknownOutcomes: number; pauseMs: number };
const RETRY: Retry = { conflicts: 10, unknownOutcomes: 5, pauseMs: 20 };
const PAGE = 1000;

/**
 * The write side of a service: load, decide, append with the exact revision. The only place outside the adapters
 * that appends events.
 *
 * - Commands to one stream run one after the other here; another process is met by compare-and-set.
 * - What a command comes to is decided on the stream as it is: also when that is nothing, or a refusal.
 * - A refused revision means: look whether the stored events are ours (an earlier try whose answer was lost), else
 *   fold anew and decide again.
 * - A service may write only its own stream categories (`OWNER`).
 */
export class Commands {
  private readonly aggregates = new AggregateCache();
  private readonly tails = new Map<string, Promise<unknown>>();

  constructor(
    private readonly store: EventStore,
    private readonly clock: Clock,
    private readonly service: ServiceName,
  ) {}

  async handle<State, Command extends { type: string }, Event extends NewEvent>(
    stream: StreamName,
    decider: Decider<State, Command, Event>,
    command: Command,
    cause: Cause,
  ): Promise<Handled<State>> {
    const owner = OWNER[categoryOf(stream)];
    if (owner !== this.service) throw new PermanentError(`${this.service} may not write ${stream}; ${owner} does`);
    return this.inTurn(stream, () => this.decideAndAppend(stream, decider, command, cause));
  }

  /**
   * The folded state of a stream as this service last saw it; for policies that must look before they act. Whoever has
   * heard of an event of another process names its revision, and sees at least that.
   */
  async stateOf<State, Event extends NewEvent>(
    stream: StreamName,
    decider: Pick<Decider<State, never, Event>, 'initialState' | 'evolve'>,
    revision = -1,
  ): Promise<State> {
    return this.inTurn(stream, async () => (await this.load(stream, decider, revision)).state);
  }

  private async inTurn<Result>(stream: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.tails.get(stream);
    const turn = before ? before.then(work, work) : work();
    this.tails.set(stream, turn);
    try {
      return await turn;
    } finally {
      if (this.tails.get(stream) === turn) this.tails.delete(stream);
    }
  }

  private async decideAndAppend<State, Command extends { type: string }, Event extends NewEvent>(
    stream: StreamName,
    decider: Decider<State, Command, Event>,
    command: Command,
    cause: Cause,
  ): Promise<Handled<State>> {
    for (let conflicts = 0; ; conflicts += 1) {
      const aggregate = await this.load(stream, decider);
      if (aggregate.eventIds.has(eventId(cause.id, stream, command.type, 0))) return nothingNew(aggregate);
      const events = await this.decide(stream, decider, command, aggregate);
      if (!events) continue;
      if (events.length === 0) return nothingNew(aggregate);
      try {
        const prepared = events.map((event, n) => prepare(event, stream, command.type, cause, n));
        const appended = await this.append(stream, prepared, aggregate.revision);
        for (const event of prepared) aggregate.eventIds.add(event.id);
        aggregate.revision = appended.revision;
        aggregate.position = appended.position;
        return { ...appended, state: aggregate.state };
      } catch (error) {
        this.aggregates.drop(stream);
        if (!(error instanceof WrongExpectedRevision) || conflicts >= RETRY.conflicts) throw error;
        await this.clock.sleep(RETRY.pauseMs * conflicts);
      }
    }
  }

  /**
   * What the rules say; `undefined` when they must be asked again. An append would find out that another process has
   * written meanwhile; before a command is refused or comes to nothing, the log is asked.
   */
  private async decide<State, Command extends { type: string }, Event extends NewEvent>(
    stream: StreamName,
    decider: Decider<State, Command, Event>,
    command: Command,
    aggregate: Aggregate<State>,
  ): Promise<Event[] | undefined> {
    let events: Event[] = [];
    let refusal: { error: unknown } | undefined;
    try {
      events = decider.decide(command, aggregate.state);
    } catch (error) {
      this.aggregates.drop(stream);
      refusal = { error };
    }
    if (events.length > 0) return events;
    const [newer] = await this.store.readStream(stream, aggregate.revision + 1, 1);
    if (newer) this.aggregates.drop(stream);
    else if (refusal) throw refusal.error;
    return newer ? undefined : events;
  }

  /** Appends; when the outcome of a try is unknown, asks again with the same ids and revision, which stores nothing twice. */
  private async append(stream: string, events: EventToAppend[], expected: number): Promise<Stored> {
    for (let tries = 0; ; tries += 1) {
      try {
        return await this.store.append(stream, events, expected);
      } catch (error) {
        if (error instanceof WrongExpectedRevision) return this.oursAfterAll(stream, events, expected, error);
        if (!(error instanceof TransientError) || tries >= RETRY.unknownOutcomes) throw error;
        await this.clock.sleep(RETRY.pauseMs * 2 ** tries);
      }
    }
  }

  private async oursAfterAll(
    stream: string,
    events: EventToAppend[],
    expected: number,
    conflict: WrongExpectedRevision,
  ): Promise<Stored> {
    const stored = await this.store.readStream(stream, expected + 1, events.length);
    const last = stored.at(-1);
    if (!last || stored.length !== events.length || stored.some((event, n) => event.id !== events[n]!.id))
      throw conflict;
    return { events: stored, position: last.position, revision: last.revision };
  }

  private async load<State, Event extends NewEvent>(
    stream: StreamName,
    decider: Pick<Decider<State, never, Event>, 'initialState' | 'evolve'>,
    revision = -1,
  ): Promise<Aggregate<State>> {
    const known = this.aggregates.get<State>(stream);
    if (known && known.revision >= revision) return known;
    // Comes back when all of it is folded: a state that was folded in part is nobody's.
    this.aggregates.drop(stream);
    const aggregate: Aggregate<State> = known ?? {
      state: decider.initialState(),
      revision: -1,
      position: 0,
      eventIds: new Set(),
    };
    for (;;) {
      const page = await this.store.readStream(stream, aggregate.revision + 1, PAGE);
      for (const event of page) {
        if (!definitionOf(event.type))
          throw new PermanentError(`${stream} holds ${event.type}, which this release does not know`);
        aggregate.state = decider.evolve(aggregate.state, event as unknown as Event);
        aggregate.eventIds.add(event.id);
        aggregate.revision = event.revision;
        aggregate.position = event.position;
      }
      if (page.length < PAGE) break;
    }
    this.aggregates.put(stream, aggregate);
    return aggregate;
  }
}

const nothingNew = <State>(aggregate: Aggregate<State>): Handled<State> => ({
  state: aggregate.state,
  events: [],
  position: aggregate.position,
  revision: aggregate.revision,
});

const prepare = (event: NewEvent, stream: string, command: string, cause: Cause, n: number): EventToAppend => {
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
