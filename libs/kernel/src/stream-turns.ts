import { AsyncResource } from 'node:async_hooks';

/** Does the first of the items, together, and answers how many that were. Must not fail. */
type Work<Item> = (items: readonly Item[]) => Promise<number>;
/** `context` is that of whoever asked for it, where it had to wait. */
type Turn = { kind: unknown; items: unknown[]; work: Work<never>; context?: AsyncResource };

/**
 * Work on streams: on each stream one turn after the other. What waits for a turn of the same kind takes it together. A
 * turn runs in the async context of whoever asked for it first, also when another one's ends before it.
 */
export class StreamTurns {
  /** The first turn of each is under way. */
  private readonly queues = new Map<string, Turn[]>();

  join<Item>(stream: string, kind: unknown, item: Item, work: Work<Item>): void {
    const waiting = lastOf(this.queues.get(stream));
    if (waiting && waiting.kind === kind) waiting.items.push(item);
    else this.enter(stream, { kind, items: [item], work });
  }

  /** A turn that nobody shares. */
  alone<Result>(stream: string, work: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const kind = {};
      this.join(stream, kind, kind, () =>
        work()
          .then(resolve, reject)
          .then(() => 1),
      );
    });
  }

  private enter(stream: string, turn: Turn): void {
    const queue = this.queues.get(stream);
    if (queue) {
      turn.context = new AsyncResource('StreamTurn');
      queue.push(turn);
      return;
    }
    const begun = [turn];
    this.queues.set(stream, begun);
    void this.run(stream, begun);
  }

  private async run(stream: string, queue: Turn[]): Promise<void> {
    for (let turn = queue[0]; turn; turn = queue[0]) {
      const { work, context } = turn;
      const items = turn.items as never[];
      const done = await (context ? context.runInAsyncScope(work, undefined, items) : work(items));
      turn.items.splice(0, done);
      if (turn.items.length === 0) queue.shift();
    }
    this.queues.delete(stream);
  }
}

const lastOf = (queue: readonly Turn[] | undefined): Turn | undefined =>
  queue && queue.length > 1 ? queue.at(-1) : undefined;
