import type { RecordedEvent } from '@foldline/contracts';
import type { Outgoing } from './event-message.ts';

/** What a relay has read and not published yet; the store waits beyond. */
const MAXIMUM_EVENTS = 5_000;
const MAXIMUM_SIZE = 16 * 1024 * 1024;
/** What one request to Kafka holds. */
const BATCH_EVENTS = 500;
const BATCH_SIZE = 512 * 1024;
const REMEMBERED = 50_000;

/** Events between the store and the producer, in order, so that many which come singly leave together. */
export class Outbox {
  private readonly waiting: Outgoing[] = [];
  private size = 0;
  private ended = false;
  private readonly predecessors = new Map<string, number>();
  private wakeReader: () => void = () => undefined;
  private wakeWriter: () => void = () => undefined;

  /** Waits while the outbox is full. */
  async put(events: readonly RecordedEvent[]): Promise<void> {
    for (const event of events) {
      while (!this.ended && (this.waiting.length >= MAXIMUM_EVENTS || this.size >= MAXIMUM_SIZE)) await this.room();
      if (this.ended) return;
      const value = JSON.stringify(event);
      const previous = this.previous(event);
      this.waiting.push(previous === undefined ? { event, value } : { event, value, previous });
      this.size += value.length;
      this.wakeReader();
    }
  }

  /** The next events, as many as go together; waits for the first of them. Empty when the outbox has ended. */
  async take(): Promise<Outgoing[]> {
    while (this.waiting.length === 0 && !this.ended)
      await new Promise<void>((resolve) => {
        this.wakeReader = resolve;
      });
    if (this.ended) return [];
    let [count, size] = [0, 0];
    while (count < Math.min(this.waiting.length, BATCH_EVENTS) && (count === 0 || size < BATCH_SIZE)) {
      size += this.waiting[count]!.value.length;
      count += 1;
    }
    this.size -= size;
    this.wakeWriter();
    return this.waiting.splice(0, count);
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  end(): void {
    this.ended = true;
    this.wakeReader();
    this.wakeWriter();
  }

  private room(): Promise<void> {
    return new Promise((resolve) => {
      this.wakeWriter = resolve;
    });
  }

  /** By it a consumer of some partitions tells a lost event from one that went to another partition. */
  private previous({ stream, correlationId, revision }: RecordedEvent): number | undefined {
    const id = JSON.stringify([stream, correlationId]);
    const known = this.predecessors.get(id) ?? (revision === 0 ? -1 : undefined);
    this.predecessors.delete(id);
    this.predecessors.set(id, revision);
    if (this.predecessors.size > REMEMBERED) this.predecessors.delete(this.predecessors.keys().next().value!);
    return known;
  }
}
