import { Tries, type Failure, type Retry } from './retry.ts';

/** What is done with the items, and how patiently. */
export type LaneWork<Item> = {
  concurrency: number;
  retry: Retry;
  /** Ends early when nothing is to be begun any more. */
  pause: (ms: number) => Promise<void>;
  handle: (item: Item) => Promise<void>;
  /** Whether the key's items are set aside instead of handled. */
  isParked: (key: string) => boolean;
  /** Sets items of a parked key aside, the first ones; gives back how many, 0 when the key is parked no longer. */
  divert: (key: string, items: readonly Item[]) => Promise<number> | number;
  /** Parks a key because its first item failed for good; the items are all that wait here, that one first. */
  park: (key: string, items: readonly Item[], failure: Failure) => Promise<void> | void;
  /** Told each time that an item could not be handled, when it is known what follows: a pause, or its key is parked. */
  failed: (item: Item, failure: Failure) => void;
  /** An item was handled or set aside; not called for what was cleared away. */
  done: (item: Item) => void;
  /** Parking or setting aside failed, or something here is wrong. */
  onFailure: (error: unknown) => void;
};

type Waiting<Item> = { item: Item; tries: Tries };
type Lane<Item> = Waiting<Item>[];

/**
 * Hands items out: those of one key one after the other, in order, those of different keys side by side. A key whose
 * first item failed and is to be tried again keeps its place in the order and gives its turn to others meanwhile.
 */
export class KeyLanes<Item> {
  private readonly lanes = new Map<string, Lane<Item>>();
  private readonly ready: string[] = [];
  private running = 0;
  private stopped = false;
  private onIdle: (() => void)[] = [];

  constructor(private readonly work: LaneWork<Item>) {}

  add(key: string, item: Item): void {
    const waiting = { item, tries: new Tries(this.work.retry) };
    const lane = this.lanes.get(key);
    if (lane) {
      lane.push(waiting);
      return;
    }
    this.lanes.set(key, [waiting]);
    this.ready.push(key);
    this.begin();
  }

  /** Nothing is begun until `resume`; what runs goes on. */
  stop(): void {
    this.stopped = true;
  }

  resume(): void {
    this.stopped = false;
    this.begin();
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    if (this.running === 0) return;
    await new Promise<void>((resolve) => {
      this.onIdle.push(resolve);
    });
  }

  /** Forgets every item. What runs comes to its end, still alone in its key, and counts no longer. */
  clear(): void {
    for (const lane of this.lanes.values()) lane.length = 0;
  }

  private begin(): void {
    while (this.running < this.work.concurrency && !this.stopped) {
      const key = this.ready.shift();
      if (key === undefined) return;
      this.running += 1;
      this.turn(key, this.lanes.get(key)!).then(
        () => this.ended(),
        (error: unknown) => {
          this.work.onFailure(error);
          this.ended();
        },
      );
    }
  }

  private ended(): void {
    this.running -= 1;
    this.begin();
    if (this.running > 0) return;
    for (const resolve of this.onIdle.splice(0)) resolve();
  }

  private async turn(key: string, lane: Lane<Item>): Promise<void> {
    const first = lane[0];
    if (first && !(this.work.isParked(key) && (await this.diverted(key, lane)))) {
      try {
        await this.work.handle(first.item);
        this.finish(lane, [first]);
      } catch (error) {
        if (await this.failed(key, lane, first, error)) return;
      }
    }
    this.goOn(key, lane);
  }

  private goOn(key: string, lane: Lane<Item>): void {
    if (lane.length === 0) this.lanes.delete(key);
    else this.ready.push(key);
  }

  private async diverted(key: string, lane: Lane<Item>): Promise<boolean> {
    const items = [...lane];
    const count = await this.work.divert(
      key,
      items.map(({ item }) => item),
    );
    this.finish(lane, items.slice(0, count));
    return count > 0;
  }

  /** Sees to an item that failed; true when the key's turn comes again by itself. */
  private async failed(key: string, lane: Lane<Item>, first: Waiting<Item>, error: unknown): Promise<boolean> {
    if (lane[0] !== first) return false;
    const failure = first.tries.after(error);
    if (failure.retryMs !== undefined) {
      this.work.failed(first.item, failure);
      this.comeBack(key, lane, failure.retryMs);
      return true;
    }
    const items = [...lane];
    await this.work.park(
      key,
      items.map(({ item }) => item),
      failure,
    );
    this.work.failed(first.item, failure);
    this.finish(lane, items);
    return false;
  }

  private comeBack(key: string, lane: Lane<Item>, pause: number): void {
    this.work
      .pause(pause)
      .then(() => {
        this.goOn(key, lane);
        this.begin();
      })
      .catch((error: unknown) => this.work.onFailure(error));
  }

  /** Takes the first items out of the lane, unless they were cleared away meanwhile. */
  private finish(lane: Lane<Item>, items: readonly Waiting<Item>[]): void {
    for (const each of items) {
      if (lane[0] !== each) return;
      lane.shift();
      this.work.done(each.item);
    }
  }
}
