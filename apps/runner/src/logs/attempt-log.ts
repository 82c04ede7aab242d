import { createMasker } from '../masking/secret-masker.ts';
import type { JobLogStore } from '../storage/patient-stores.ts';
import { LogWriter, type ClosedLog } from './log-writer.ts';

const CYAN = '\u001b[36m';
const YELLOW = '\u001b[33m';
const RESET = '\u001b[0;m';

/** The log of one attempt: output of the job between lines of the system's own, all of it masked. */
export class AttemptLog {
  private writer: LogWriter;
  private last: Promise<void> = Promise.resolve();

  constructor(
    private readonly attemptId: string,
    private readonly logs: JobLogStore,
  ) {
    this.writer = this.open([]);
  }

  /** Must come before the first line: what is written is masked as it was then. */
  mask(secrets: string[]): void {
    this.writer = this.open(secrets);
  }

  tell(line: string): void {
    this.tellIn(CYAN, line);
  }

  warn(line: string): void {
    this.tellIn(YELLOW, line);
  }

  write(chunk: Buffer): Promise<void> {
    return this.following(this.writer.write(chunk));
  }

  /** Bytes that it has now: what is written from here on comes behind them. */
  mark(): number {
    return this.writer.mark();
  }

  async close(): Promise<ClosedLog> {
    await this.last;
    return this.writer.close();
  }

  private tellIn(colour: string, line: string): void {
    void this.following(this.writer.tell(Buffer.from(`${colour}${line}${RESET}\n`)));
  }

  private following(written: Promise<void>): Promise<void> {
    this.last = written;
    // A log that cannot be written fails the attempt at `close`, once, and not at every line.
    written.catch(() => undefined);
    return written;
  }

  private open(secrets: string[]): LogWriter {
    return new LogWriter({ attemptId: this.attemptId, logs: this.logs, masker: createMasker(secrets) });
  }
}
