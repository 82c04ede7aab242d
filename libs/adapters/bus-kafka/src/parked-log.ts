import {
  TransientError,
  WrongExpectedRevision,
  eventId,
  type EventStore,
  type EventToAppend,
  type ParkedStream,
} from '@foldline/kernel';
import type { RecordedEvent } from '@foldline/contracts';
import { evolveParked, nothingParked, type ParkedState } from './parked-state.ts';
import { parkedStream, type ParkedEvent } from './parked.events.ts';

const PAGE = 1_000;

/** What is parked in one group: the folded stream, and the only way to change it. */
export class ParkedLog {
  readonly state: ParkedState = nothingParked();
  private readonly stream: string;
  private revision = -1;
  private tail: Promise<unknown> = Promise.resolve();
  private readonly listeners = new Set<() => void>();

  constructor(
    readonly group: string,
    private readonly store: EventStore,
  ) {
    this.stream = parkedStream(group);
  }

  /** Folds what others have written since. */
  catchUp(): Promise<void> {
    return this.inTurn(() => this.readNew());
  }

  /**
   * Decides on the state and appends under its exact revision; when somebody else wrote first, decides again. May throw
   * `TransientError`: the outcome is then unknown, and deciding again finds out.
   */
  change<Result>(decide: (state: ParkedState) => { events: ParkedEvent[]; result: Result }): Promise<Result> {
    return this.inTurn(async () => {
      for (;;) {
        const { events, result } = decide(this.state);
        if (events.length === 0) return result;
        try {
          const prepared = events.map((event, n) => this.prepare(event, n));
          const appended = await this.store.append(this.stream, prepared, this.revision);
          this.fold(appended.events);
          return result;
        } catch (error) {
          if (error instanceof TransientError) await this.readNew();
          if (!(error instanceof WrongExpectedRevision)) throw error;
          await this.readNew();
        }
      }
    });
  }

  /** Calls the listener after every change; the result ends it. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  list(): ParkedStream[] {
    return [...this.state.keys].flatMap(([key, { events, error, attempts, parkedAt }]) => {
      const [first] = events;
      if (!first) return [];
      const { position, eventId, type, stream } = first;
      const waiting = events.length - 1;
      return [
        { group: this.group, key, position, eventId, eventType: type, stream, error, attempts, parkedAt, waiting },
      ];
    });
  }

  private async readNew(): Promise<void> {
    for (;;) {
      const page = await this.store.readStream(this.stream, this.revision + 1, PAGE);
      this.fold(page);
      if (page.length < PAGE) return;
    }
  }

  private fold(events: readonly RecordedEvent[]): void {
    if (events.length === 0) return;
    for (const event of events) {
      evolveParked(this.state, event as RecordedEvent & ParkedEvent);
      this.revision = event.revision;
    }
    for (const listener of this.listeners) listener();
  }

  private prepare(event: ParkedEvent, n: number): EventToAppend {
    const causationId = `${this.revision}:${event.data.key}`;
    return {
      ...event,
      id: eventId(causationId, this.stream, event.type, n),
      causationId,
      correlationId: this.stream,
      actor: { kind: 'system', id: this.group },
    };
  }

  private async inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.tail.then(work, work);
    this.tail = turn;
    return turn;
  }
}
