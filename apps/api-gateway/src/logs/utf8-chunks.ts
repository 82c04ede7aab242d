/** How many bytes at the end begin a character that they do not complete (RFC 3629). */
const unfinished = (bytes: Buffer): number => {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0b1100_0000) === 0b1000_0000) continue;
    const needs = byte >= 0b1111_0000 ? 4 : byte >= 0b1110_0000 ? 3 : byte >= 0b1100_0000 ? 2 : 1;
    return needs > back ? back : 0;
  }
  return 0;
};

/** Bytes that arrive in pieces as text, never cut inside a character. Bytes that are no UTF-8 become U+FFFD. */
export class Utf8Chunks {
  private kept: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): string {
    const all = this.kept.length > 0 ? Buffer.concat([this.kept, bytes]) : bytes;
    const complete = all.length - unfinished(all);
    this.kept = Buffer.from(all.subarray(complete));
    return all.toString('utf8', 0, complete);
  }

  /** Bytes that wait for the rest of their character. */
  get pending(): number {
    return this.kept.length;
  }

  end(): string {
    const rest = this.kept.toString('utf8');
    this.kept = Buffer.alloc(0);
    return rest;
  }
}
