import type { RecordedEvent } from '@foldline/contracts';
import { persistently, throughOutages, type Failure, type Outage, type Persisted } from '@foldline/delivery';
import { PermanentError, type EventHandler, type EventStore } from '@foldline/kernel';
import type { EventReference } from './event-message.ts';
import type { ParkedLog } from './parked-log.ts';
import { decideReplayed, decideReplayFailed } from './parked-state.ts';

export type ReplayerOptions = {
  parked: ParkedLog;
  /** Whether the partition is this member's: only its owner replays a key. */
  owns: (partition: number) => boolean;
  handle: EventHandler;
  failed: (key: string, event: EventReference, failure: Failure) => void;
  store: EventStore;
  outage: Outage;
  now: () => string;
  onFailure: (error: unknown) => void;
};

const LONGEST_REASON = 2_000;

/** Carries out the replays that were asked for, wherever that was, of the keys whose partitions are here. */
export class Replayer {
  private readonly running = new Map<string, Promise<void>>();

  constructor(private readonly options: ReplayerOptions) {
    options.parked.onChange(() => this.look());
  }

  /** Begins what is to be done and not under way. */
  look(): void {
    const { parked, outage, onFailure } = this.options;
    if (outage.closing.aborted) return;
    for (const [key, { request }] of parked.state.keys) {
      if (!request || this.running.has(key) || !this.next(key)) continue;
      const run = throughOutages(() => this.replay(key), outage)
        .catch(onFailure)
        .finally(() => {
          this.running.delete(key);
          this.look();
        });
      this.running.set(key, run);
    }
  }

  async idle(): Promise<void> {
    await Promise.allSettled(this.running.values());
  }

  private async replay(key: string): Promise<void> {
    const { parked, now } = this.options;
    for (let next = this.next(key); next; next = this.next(key)) {
      const { id } = next.request;
      const { eventId } = next.first;
      const failure = await this.handled(key, next.first);
      if (failure === 'closing') return;
      if (!failure) {
        await parked.change((state) => decideReplayed(state, key, id, eventId));
        continue;
      }
      const { attempts, error } = failure;
      const told = { attempts, error: reasonOf(error), parkedAt: now() };
      await parked.change((state) => decideReplayFailed(state, key, id, told));
      this.options.failed(key, next.first, failure);
    }
  }

  private next(key: string) {
    const { parked, owns, outage } = this.options;
    const found = parked.state.keys.get(key);
    const first = found?.events[0];
    if (!found?.request || !first || !owns(found.partition) || outage.closing.aborted) return undefined;
    return { request: found.request, first };
  }

  /** Hands one event to the handler, with the same patience as the first time. */
  private handled(key: string, event: EventReference): Promise<Persisted> {
    const { outage, handle, failed } = this.options;
    const { stream, revision } = event;
    return persistently(
      async () => handle(await this.read(stream, revision)),
      outage,
      (failure) => failed(key, event, failure),
    );
  }

  private async read(stream: string, revision: number): Promise<RecordedEvent> {
    const [event] = await this.options.store.readStream(stream, revision, 1);
    if (event?.revision !== revision) throw new PermanentError(`the log has no event ${revision} in ${stream}`);
    return event;
  }
}

const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, LONGEST_REASON);
