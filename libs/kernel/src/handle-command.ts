import {
  OWNER,
  categoryOf,
  definitionOf,
  type NewEvent,
  type RecordedEvent,
  type ServiceName,
  type StreamName,
} from '@foldline/contracts';
import { AggregateCache, type Aggregate } from './aggregate-cache.ts';
import { decideTogether, prepare, type Asked, type Cause, type Outcome } from './decide-together.ts';
import type { Decider } from './decider.ts';
import { PermanentError, TransientError, WrongExpectedRevision } from './errors.ts';
import type { Clock } from './ports/environment.ports.ts';
import type { EventStore, EventToAppend } from './ports/event-store.port.ts';
import { StreamTurns } from './stream-turns.ts';

/** `state` is the stream's folded state, with these events or some more behind them; look, do not change. */
export type Handled<State = unknown> = { events: RecordedEvent[]; position: number; revision: number; state: State };
type Stored = Omit<Handled, 'state'>;

/**
 * Told of the events that a command has stored, in the async context of whoever gave it: what is stored together need
 * not have one cause. `givenAt` is in milliseconds since 1970.
 */
export type OnStored = (events: readonly RecordedEvent[], givenAt: number) => void;

type Waiting<State> = Asked & { resolve: (handled: Handled<State>) => void; reject: (error: unknown) => void };
type AnyDecider<State> = Decider<State, { type: string }, NewEvent>;

type Retry = { conflicts: number; unknownOutcomes: number; pauseMs: number };
const RETRY: Retry = { conflicts: 10, unknownOutcomes: 5, pauseMs: 20 };
const PAGE = 1000;

/**
 * The write side of a service: load, decide, append with the exact revision. The only place outside the adapters
 * that appends events.
 *
 * - Commands to one stream are decided one after the other here; another process is met by compare-and-set.
 * - Those that come while the stream is busy are stored together, each decided on what the one before it has decided: a
 *   busy stream costs an append per group, as a log with group commit costs a sync.
 * - What a command comes to is decided on the stream as it is: also when that is nothing, or a refusal.
 * - A refused revision means: look whether the stored events are ours (an earlier try whose answer was lost), else
 *   fold anew and decide again.
 * - A service may write only its own stream categories (`OWNER`).
 */
export class Commands {
  private readonly aggregates = new AggregateCache();
  private readonly turns = new StreamTurns();
  /** Where streams end that only count, as this process last saw it. */
  private readonly ends = new Map<StreamName, number>();

  constructor(
    private readonly store: EventStore,
    private readonly clock: Clock,
    private readonly service: ServiceName,
    private readonly onStored?: OnStored,
  ) {}

  async handle<State, Command extends { type: string }, Event extends NewEvent>(
    stream: StreamName,
    decider: Decider<State, Command, Event>,
    command: Command,
    cause: Cause,
  ): Promise<Handled<State>> {
    this.mustOwn(stream);
    // A turn is shared only by commands that were given with the same decider.
    const shared = decider as unknown as AnyDecider<State>;
    const givenAt = Date.now();
    const handled = await new Promise<Handled<State>>((resolve, reject) => {
      const waiting: Waiting<State> = { command, cause, resolve, reject };
      this.turns.join(stream, decider, waiting, (all) => this.handleSome(stream, shared, all));
    });
    if (handled.events.length > 0) this.onStored?.(handled.events, givenAt);
    return handled;
  }

  /**
   * Appends one event that nothing is decided by, wherever the stream ends, without reading what is before it: each
   * takes a place of its own, however many there are. For streams that only count.
   */
  async place(stream: StreamName, event: NewEvent, cause: Cause): Promise<{ revision: number }> {
    this.mustOwn(stream);
    const events = [prepare(event, stream, event.type, cause, 0)];
    return this.turns.alone(stream, async () => {
      for (let conflicts = 0; ; conflicts += 1) {
        try {
          const { revision } = await this.append(stream, events, this.ends.get(stream) ?? -1);
          this.ends.set(stream, revision);
          return { revision };
        } catch (error) {
          if (!(error instanceof WrongExpectedRevision) || conflicts >= RETRY.conflicts) throw error;
          this.ends.set(stream, error.actual);
        }
      }
    });
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
    return this.turns.alone(stream, async () => (await this.load(stream, decider, revision)).state);
  }

  private mustOwn(stream: StreamName): void {
    const owner = OWNER[categoryOf(stream)];
    if (owner !== this.service) throw new PermanentError(`${this.service} may not write ${stream}; ${owner} does`);
  }

  /** Sees to the first of these; answers how many that were. */
  private async handleSome<State>(
    stream: StreamName,
    decider: AnyDecider<State>,
    waiting: readonly Waiting<State>[],
  ): Promise<number> {
    try {
      return await this.decideAndAppend(stream, decider, waiting);
    } catch (error) {
      // One of them may be what cannot be stored; the others must not suffer for it.
      if (error instanceof PermanentError && waiting.length > 1)
        return this.handleSome(stream, decider, waiting.slice(0, 1));
      for (const { reject } of waiting) reject(error);
      return waiting.length;
    }
  }

  private async decideAndAppend<State>(
    stream: StreamName,
    decider: AnyDecider<State>,
    waiting: readonly Waiting<State>[],
  ): Promise<number> {
    for (let conflicts = 0; ; conflicts += 1) {
      const aggregate = await this.load(stream, decider);
      const { outcomes, events, spoiled } = decideTogether(stream, decider, waiting, aggregate);
      if (spoiled) this.aggregates.drop(stream);
      if (events.length === 0) {
        if (await this.isOvertaken(stream, outcomes, aggregate)) continue;
        return settle(outcomes, [], aggregate);
      }
      let appended: Stored;
      try {
        appended = await this.append(stream, events, aggregate.revision);
      } catch (error) {
        this.aggregates.drop(stream);
        if (!(error instanceof WrongExpectedRevision) || conflicts >= RETRY.conflicts) throw error;
        await this.clock.sleep(RETRY.pauseMs * conflicts);
        continue;
      }
      for (const event of events) aggregate.eventIds.add(event.id);
      aggregate.revision = appended.revision;
      aggregate.position = appended.position;
      return settle(outcomes, appended.events, spoiled ? await this.load(stream, decider) : aggregate);
    }
  }

  /**
   * An append finds out that another process has written meanwhile; before commands are refused or come to nothing, the
   * log is asked.
   */
  private async isOvertaken(
    stream: string,
    outcomes: readonly Outcome<unknown>[],
    { revision }: Aggregate<unknown>,
  ): Promise<boolean> {
    if (outcomes.every(({ known }) => known)) return false;
    const [newer] = await this.store.readStream(stream, revision + 1, 1);
    if (newer) this.aggregates.drop(stream);
    return newer !== undefined;
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

/** Tells everybody what came of it. */
const settle = <State>(
  outcomes: readonly Outcome<Waiting<State>>[],
  events: readonly RecordedEvent[],
  { state, position, revision }: Aggregate<State>,
): number => {
  for (const { asked, from, count, error } of outcomes) {
    const own = events.slice(from, from + count);
    const { position: at = position, revision: last = revision } = own.at(-1) ?? {};
    if (error === undefined) asked.resolve({ events: own, position: at, revision: last, state });
    else asked.reject(error);
  }
  return outcomes.length;
};
