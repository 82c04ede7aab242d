import type { RecordedEvent } from '@foldline/contracts';
import type { Page } from './log-reader.ts';

type Listener = (events: readonly RecordedEvent[]) => Promise<void> | void;
type Wanted = (stream: string) => boolean;
type ReadPage = (after: number, limit: number, size: number, wanted: Wanted) => Page;

/** Events, and characters of data, that one follower is handed at once or has waiting in memory. */
const PAGE_EVENTS = 250;
const WAITING_EVENTS = 1_000;
const WAITING_SIZE = 8 * 1024 * 1024;

/**
 * Brings stored events to followers. One that is behind reads pages from the log; one that has reached the end is
 * handed new events as they are stored, without reading. A live one that cannot keep up goes back to reading pages,
 * so what waits in memory is bounded.
 */
export class LiveFeed {
  private readonly followers = new Set<Follower>();

  constructor(private readonly readPage: ReadPage) {}

  publish(events: readonly RecordedEvent[], size: number): void {
    for (const follower of this.followers) follower.offer(events, size);
  }

  async follow(
    after: number,
    listener: Listener,
    signal: AbortSignal,
    categories: readonly string[] | undefined,
  ): Promise<void> {
    const follower = new Follower(after, this.readPage, wantedOf(categories));
    const end = (): void => follower.end();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    this.followers.add(follower);
    try {
      await follower.run(listener);
    } finally {
      this.followers.delete(follower);
      signal.removeEventListener('abort', end);
    }
  }

  /** Ends every follower, as if its signal had aborted. */
  close(): void {
    for (const follower of this.followers) follower.end();
  }
}

class Follower {
  private waiting: RecordedEvent[] = [];
  private waitingSize = 0;
  private live = false;
  private ended = false;
  private wake: () => void = () => undefined;

  constructor(
    private position: number,
    private readonly readPage: ReadPage,
    private readonly wanted: Wanted,
  ) {}

  offer(events: readonly RecordedEvent[], size: number): void {
    if (!this.live) return;
    if (this.waiting.length + events.length > WAITING_EVENTS || this.waitingSize + size > WAITING_SIZE) {
      this.live = false;
      this.waiting = [];
    } else {
      const before = this.waiting.length;
      for (const event of events)
        if (event.position > this.position && this.wanted(event.stream)) this.waiting.push(event);
      if (this.waiting.length === before) {
        // Nobody will ask for these; a later way back to reading pages need not look at them again.
        if (before === 0) this.position = Math.max(this.position, events.at(-1)?.position ?? 0);
        return;
      }
      this.waitingSize += size;
    }
    this.wake();
  }

  end(): void {
    this.ended = true;
    this.wake();
  }

  async run(listener: Listener): Promise<void> {
    while (!this.ended) {
      const events = this.next();
      if (events.length === 0) await this.more();
      else await listener(events);
    }
  }

  private next(): RecordedEvent[] {
    if (!this.live) {
      const page = this.readPage(this.position, PAGE_EVENTS, WAITING_SIZE, this.wanted);
      if (page.upTo > this.position) {
        this.position = page.upTo;
        return page.events;
      }
      // Nothing is stored behind this position that has not been read, and whatever comes is offered from here on.
      this.live = true;
    }
    const events = this.waiting;
    this.waiting = [];
    this.waitingSize = 0;
    // Set before they are delivered: what arrives while the listener works is compared with it.
    this.position = events.at(-1)?.position ?? this.position;
    return events;
  }

  private async more(): Promise<void> {
    if (this.ended || this.waiting.length > 0) return;
    // A page without a wanted event: the next one follows, but others come in between.
    if (!this.live) return new Promise((resolve) => setImmediate(resolve));
    await new Promise<void>((resolve) => {
      this.wake = resolve;
    });
  }
}

const wantedOf = (categories: readonly string[] | undefined): Wanted => {
  if (!categories) return () => true;
  const wanted = new Set(categories);
  return (stream) => wanted.has(stream.slice(0, Math.max(0, stream.indexOf('-'))));
};
