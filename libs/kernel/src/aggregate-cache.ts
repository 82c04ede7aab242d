export type Aggregate<State> = {
  state: State;
  /** Last revision folded; -1 when the stream does not exist. */
  revision: number;
  position: number;
  eventIds: Set<string>;
};

/** Keeps the streams that were used last folded, so that the next command costs nothing that was paid before. */
export class AggregateCache {
  private readonly entries = new Map<string, Aggregate<unknown>>();
  constructor(private readonly limit = 1000) {}

  get<State>(stream: string): Aggregate<State> | undefined {
    const entry = this.entries.get(stream);
    if (!entry) return undefined;
    this.entries.delete(stream);
    this.entries.set(stream, entry);
    return entry as Aggregate<State>;
  }

  put(stream: string, aggregate: Aggregate<unknown>): void {
    this.entries.set(stream, aggregate);
    if (this.entries.size > this.limit) this.entries.delete(this.entries.keys().next().value!);
  }

  drop(stream: string): void {
    this.entries.delete(stream);
  }
}
