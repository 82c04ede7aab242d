import { RE2JS } from 're2js';

const TAIL_BYTES = 1024 * 1024;
const LINE_BYTES = 64 * 1024;

/**
 * Finds the coverage figure in a job's output: the last match of the pattern's first group (S0-23). Looks at the last
 * MiB only, line by line, with an engine whose time is linear, so that no pattern and no output can stall the runner.
 */
export class CoverageScanner {
  private tail = Buffer.alloc(0);
  constructor(private readonly pattern: string) {}

  push(chunk: Buffer): void {
    const joined = Buffer.concat([this.tail, chunk]);
    this.tail = joined.length > 2 * TAIL_BYTES ? joined.subarray(-TAIL_BYTES) : joined;
  }

  percentage(): number | undefined {
    const pattern = RE2JS.compile(this.pattern);
    const lines = this.tail.subarray(-TAIL_BYTES).toString('utf8').split('\n');
    for (const line of lines.toReversed()) {
      const matcher = pattern.matcher(line.slice(0, LINE_BYTES));
      let found: string | undefined;
      while (matcher.find()) found = (matcher.groupCount() > 0 ? matcher.group(1) : matcher.group(0)) ?? found;
      const figure = Number.parseFloat(/\d+(?:\.\d+)?/.exec(found ?? '')?.[0] ?? '');
      if (Number.isFinite(figure)) return figure;
    }
    return undefined;
  }
}
