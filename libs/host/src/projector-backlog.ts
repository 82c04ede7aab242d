import type { RecordedEvent } from '@foldline/contracts';
import type { Clock } from '@foldline/kernel';

/** Events, and characters of data, that wait to be written before no more are taken in. */
export const BACKLOG_EVENTS = 1_000;
const BACKLOG_SIZE = 16 * 1024 * 1024;

/** Events that come within this time are written together; longer while what was stored before is still coming. */
const PAUSE_MS = 5;
const PAUSE_BEHIND_MS = 100;

/**
 * Events that were received and are not written yet, in order: the log is read on while a batch is being written, so far
 * and no further. One reader puts in and one writer takes out.
 */
export class Backlog {
  private events: RecordedEvent[] = [];
  private size = 0;
  private ended = false;
  private resting: AbortController | undefined;
  private onChange: () => void = () => undefined;
  private onRoom: () => void = () => undefined;

  constructor(
    private readonly clock: Clock,
    /** The last event that came before these. */
    private received: number,
    /** Where the log ended when the reading began: until then documents change too often to write each state. */
    private readonly storedUpTo: number,
    /** Whether somebody waits for what the events up to this position change. */
    private readonly isAwaited: (position: number) => boolean,
  ) {}

  /** Whether more is coming that was stored when the reading began. */
  get isBehind(): boolean {
    return this.received < this.storedUpTo;
  }

  /** Resolves when there is room for more. What comes after the end is dropped. */
  async put(events: readonly RecordedEvent[]): Promise<void> {
    if (this.ended) return;
    for (const event of events) {
      this.events.push(event);
      this.size += sizeOf(event.data);
      this.received = event.position;
    }
    this.reconsider();
    if (this.isFull) await new Promise<void>((resolve) => (this.onRoom = resolve));
  }

  /** Everything that has come, once there is something and it is worth a write; nothing when the end has come. */
  async take(): Promise<RecordedEvent[]> {
    while (this.events.length === 0 && !this.ended) await new Promise<void>((resolve) => (this.onChange = resolve));
    if (!this.isRipe) {
      this.resting = new AbortController();
      await this.clock.sleep(this.isBehind ? PAUSE_BEHIND_MS : PAUSE_MS, this.resting.signal);
      this.resting = undefined;
    }
    const taken = this.events;
    this.events = [];
    this.size = 0;
    this.onRoom();
    return taken;
  }

  /** Somebody began to wait, so what has come may have to be written at once. */
  reconsider(): void {
    if (this.isRipe) this.resting?.abort();
    this.onChange();
  }

  /** Takes no more in; what there is can still be taken out. */
  end(): void {
    this.ended = true;
    this.reconsider();
    this.onRoom();
  }

  private get isFull(): boolean {
    return !this.ended && (this.events.length >= BACKLOG_EVENTS || this.size >= BACKLOG_SIZE);
  }

  private get isRipe(): boolean {
    const first = this.events[0];
    if (!first || this.ended || this.isFull || this.isAwaited(this.received)) return true;
    return first.position <= this.storedUpTo && !this.isBehind;
  }
}

/** About how many characters a value has as JSON; cheaper than to make the JSON. */
const sizeOf = (value: unknown): number => {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  let size = 2;
  for (const key in value) size += key.length + sizeOf((value as Record<string, unknown>)[key]);
  return size;
};
