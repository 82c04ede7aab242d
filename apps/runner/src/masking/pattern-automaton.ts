/**
 * Finds many byte patterns in one pass (Aho and Corasick, "Efficient string matching", 1975). The state after a byte
 * says how much of the input's end could still become a match, which is what makes masking exact across chunks.
 */
export class PatternAutomaton {
  static readonly START = 0;
  private readonly children: Map<number, number>[] = [new Map()];
  private readonly failure: number[] = [0];
  private readonly depths: number[] = [0];
  /** Length of the longest pattern that ends in a state; 0 when none does. */
  private readonly lengths: number[] = [0];
  private readonly fromStart = new Int32Array(256);

  constructor(patterns: Iterable<Uint8Array>) {
    for (const pattern of patterns) this.insert(pattern);
    this.link();
    for (const [byte, state] of this.children[0]!) this.fromStart[byte] = state;
  }

  /** Where the first byte at or after `from` is that may begin a match; the text's length when there is none. */
  skip(text: Uint8Array, from: number): number {
    let at = from;
    while (at < text.length && this.fromStart[text[at]!] === 0) at += 1;
    return at;
  }

  next(state: number, byte: number): number {
    let from = state;
    while (from !== 0) {
      const child = this.children[from]!.get(byte);
      if (child !== undefined) return child;
      from = this.failure[from]!;
    }
    return this.fromStart[byte]!;
  }

  /** Bytes at the input's end that are the beginning of some pattern. */
  depth(state: number): number {
    return this.depths[state]!;
  }

  matchLength(state: number): number {
    return this.lengths[state]!;
  }

  private insert(pattern: Uint8Array): void {
    let state = 0;
    for (const byte of pattern) {
      let child = this.children[state]!.get(byte);
      if (child === undefined) {
        child = this.children.push(new Map()) - 1;
        this.failure.push(0);
        this.lengths.push(0);
        this.depths.push(this.depths[state]! + 1);
        this.children[state]!.set(byte, child);
      }
      state = child;
    }
    this.lengths[state] = pattern.length;
  }

  private link(): void {
    const queue = [...this.children[0]!.values()];
    for (const state of queue) {
      for (const [byte, child] of this.children[state]!) {
        let fallback = this.failure[state]!;
        while (fallback !== 0 && !this.children[fallback]!.has(byte)) fallback = this.failure[fallback]!;
        this.failure[child] = this.children[fallback]!.get(byte) ?? 0;
        this.lengths[child] ||= this.lengths[this.failure[child]!]!;
        queue.push(child);
      }
    }
  }
}
