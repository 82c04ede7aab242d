import { RE2JS } from 're2js';

const TAIL_BYTES = 1024 * 1024;
const LINE_BYTES = 64 * 1024;

/**
 * Finds the coverage figure in a job's output: the last match of the pattern's first group (S0-23). Looks at the last
 * MiB only, line by line, with an engine whose time is linear, so that no pattern and no output can stall the runner.
 */
export class CoverageScanner {
  /** The latest output, in pieces: joining them at each one would cost far more than the output itself. */
  private pieces: Buffer[] = [];
  private bytes = 0;
  constructor(private readonly pattern: string) {}

  push(chunk: Buffer): void {
    this.pieces.push(chunk);
    this.bytes += chunk.length;
    if (this.bytes <= 2 * TAIL_BYTES) return;
    // A copy, so that nothing keeps the rest alive.
    const tail = Buffer.from(this.tail());
    this.pieces = [tail];
    this.bytes = tail.length;
  }

  percentage(): number | undefined {
    const pattern = RE2JS.compile(this.pattern);
    const lines = this.tail().toString('utf8').split('\n');
    for (const line of lines.toReversed()) {
      const matcher = pattern.matcher(line.slice(0, LINE_BYTES));
      let found: string | undefined;
      while (matcher.find()) found = (matcher.groupCount() > 0 ? matcher.group(1) : matcher.group(0)) ?? found;
      const figure = Number.parseFloat(/\d+(?:\.\d+)?/.exec(found ?? '')?.[0] ?? '');
      if (Number.isFinite(figure)) return figure;
    }
    return undefined;
  }

  private tail(): Buffer {
    return Buffer.concat(this.pieces).subarray(-TAIL_BYTES);
  }
}
