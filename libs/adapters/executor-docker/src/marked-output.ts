/** What a job prints, or a word of the shell that runs it. */
export type Heard = { output: Buffer } | { word: string };

const LINE_END = 0x0a;

/**
 * Tells what the shell of a container says itself from what jobs print through it: the shell's words stand between a mark
 * that nobody can guess and the end of the line. Nothing is held back but what may be the beginning of a mark.
 */
export class MarkedOutput {
  readonly #mark: Buffer;
  #held: Buffer = Buffer.alloc(0);

  constructor(mark: string) {
    this.#mark = Buffer.from(mark);
  }

  *take(chunk: Buffer): Generator<Heard> {
    let rest = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    for (;;) {
      const at = rest.indexOf(this.#mark);
      if (at < 0) break;
      const end = rest.indexOf(LINE_END, at + this.#mark.length);
      if (end < 0) {
        if (at > 0) yield { output: rest.subarray(0, at) };
        this.#held = rest.subarray(at);
        return;
      }
      if (at > 0) yield { output: rest.subarray(0, at) };
      yield { word: rest.subarray(at + this.#mark.length, end).toString() };
      rest = rest.subarray(end + 1);
    }
    const safe = rest.length - this.#beginningAtEndOf(rest);
    if (safe > 0) yield { output: rest.subarray(0, safe) };
    this.#held = rest.subarray(safe);
  }

  /** How many bytes at the end may be the first ones of a mark. */
  #beginningAtEndOf(chunk: Buffer): number {
    const first = this.#mark[0]!;
    const from = Math.max(0, chunk.length - this.#mark.length + 1);
    for (let at = chunk.indexOf(first, from); at >= 0; at = chunk.indexOf(first, at + 1))
      if (this.#mark.subarray(0, chunk.length - at).equals(chunk.subarray(at))) return chunk.length - at;
    return 0;
  }
}
