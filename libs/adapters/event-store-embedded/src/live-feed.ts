import type { RecordedEvent } from '@foldline/contracts';

type Listener = (events: readonly RecordedEvent[]) => Promise<void> | void;
type ReadPage = (after: number, limit: number, size: number) => RecordedEvent[];

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

  async follow(after: number, listener: Listener, signal: AbortSignal): Promise<void> {
    const follower = new Follower(after, this.readPage);
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
  ) {}

  offer(events: readonly RecordedEvent[], size: number): void {
    if (!this.live) return;
    if (this.waiting.length + events.length > WAITING_EVENTS || this.waitingSize + size > WAITING_SIZE) {
      this.live = false;
      this.waiting = [];
    } else {
      for (const event of events) if (event.position > this.position) this.waiting.push(event);
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
      else {
        // Set first: what arrives while the listener works is compared with it.
        this.position = events.at(-1)!.position;
        await listener(events);
      }
    }
  }

  private next(): RecordedEvent[] {
    if (!this.live) {
      const page = this.readPage(this.position, PAGE_EVENTS, WAITING_SIZE);
      if (page.length > 0) return page;
      // Nothing is stored behind this position that has not been read, and whatever comes is offered from here on.
      this.live = true;
    }
    const events = this.waiting;
    this.waiting = [];
    this.waitingSize = 0;
    return events;
  }

  private async more(): Promise<void> {
    if (this.ended || this.waiting.length > 0 || !this.live) return;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
    });
  }
}
