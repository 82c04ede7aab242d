/** An event that was taken, until everything that came of it is done. */
export type Entry = { readonly position: number; open: number };

/**
 * How far a consumer is: the position up to which every taken event is done. Events finish in any order; the position
 * moves only over those before which nothing is left to do.
 */
export class Progress {
  private entries: Entry[] = [];
  private head = 0;

  constructor(
    /** Everything up to here is done. */
    public position: number,
  ) {}

  /** Counts one open piece of work; more may be added to the entry before it is finished. */
  begin(position: number): Entry {
    const entry = { position, open: 1 };
    this.entries.push(entry);
    return entry;
  }

  /** Finishes one piece of work; true when the position has moved. */
  finish(entry: Entry): boolean {
    entry.open -= 1;
    if (entry.open > 0 || this.entries[this.head] !== entry) return false;
    for (let next = this.entries[this.head]; next?.open === 0; next = this.entries[this.head]) {
      this.position = next.position;
      this.head += 1;
    }
    if (this.head > 1_000) {
      this.entries = this.entries.slice(this.head);
      this.head = 0;
    }
    return true;
  }
}
