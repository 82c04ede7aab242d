/** What a consumer does with an event that has arrived. */
export type Arrival = 'next' | 'duplicate' | { missingFrom: number };

/**
 * Tells by stream and revision whether an event is new, has been seen, or shows that others were lost before it, so
 * that repeated, late and lost deliveries are harmless.
 *
 * Remembers the streams that were active last, up to a limit. Where it knows nothing of a stream (after a restart, or
 * forgotten) it takes the first event as the next: consumers must bear a repetition anyway.
 */
export class Inbox {
  private readonly last = new Map<string, number>();

  constructor(
    /** Streams remembered. */
    private readonly limit: number,
  ) {}

  /**
   * `next` counts the event as taken. `missingFrom` names the first revision that has not arrived and takes nothing:
   * the caller reads what is missing from the store, offers it here in order, and then the event again.
   *
   * `previous` is the revision that is to arrive before this one: the one below it, unless the consumer is given only
   * some events of the stream.
   */
  accept(stream: string, revision: number, previous = revision - 1): Arrival {
    const last = this.last.get(stream);
    if (last !== undefined && revision <= last) return 'duplicate';
    if (last !== undefined && previous > last) return { missingFrom: last + 1 };
    this.remember(stream, revision);
    return 'next';
  }

  /** Whether an event is known not to have been taken; false where the stream may have been forgotten. */
  lacks(stream: string, revision: number): boolean {
    const last = this.last.get(stream);
    return last === undefined ? this.last.size < this.limit : last < revision;
  }

  private remember(stream: string, revision: number): void {
    // Deleted first: a map keeps the order of insertion, which makes the first key the one unused for longest.
    this.last.delete(stream);
    this.last.set(stream, revision);
    if (this.last.size <= this.limit) return;
    const oldest = this.last.keys().next();
    if (!oldest.done) this.last.delete(oldest.value);
  }
}
