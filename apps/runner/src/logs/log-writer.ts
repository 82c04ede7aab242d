import { createHash } from 'node:crypto';
import { PermanentError } from '@foldline/kernel';
import type { Masker } from '../masking/secret-masker.ts';
import type { JobLogStore } from '../storage/patient-stores.ts';

const FRAME_BYTES = 64 * 1024;
const WINDOW_BYTES = 1024 * 1024;
const DEFAULT_LIMIT = 16 * 1024 * 1024;
/** What the system's own lines may take beyond the limit. */
const OWN_BYTES = 1024 * 1024;
const REWINDS = 10;
/** Bytes that may follow the first of a letter in UTF-8. */
const LETTER_BYTES = 3;

/** `limitBytes` is for the output of the job. */
export type LogWriterOptions = { attemptId: string; logs: JobLogStore; masker: Masker; limitBytes?: number };
export type ClosedLog = { bytes: number; sha256: string; frames: number };

/**
 * Writes the output of one attempt as frames: masked, in order, without gaps. Sends at once when nothing is on its way
 * and gathers meanwhile otherwise, so that the first line is early and a flood is cheap.
 */
export class LogWriter {
  private readonly options: Required<LogWriterOptions>;
  private readonly hash = createHash('sha256');
  private unsent: Buffer[] = [];
  private unsentBytes = 0;
  private offset = 0;
  private frames = 0;
  private accepted = 0;
  private full = false;
  private sending: Promise<void> | undefined;
  private failure: unknown;

  constructor(options: LogWriterOptions) {
    this.options = { limitBytes: DEFAULT_LIMIT, ...options };
  }

  /** Output of the job. Resolves when there is room for more; a fast job is slowed down to the speed of its log. */
  async write(chunk: Buffer): Promise<void> {
    if (!this.full) this.takeOutput(this.options.masker.push(chunk));
    await this.room();
  }

  /** A line of the system's own: kept also when the job has filled the log, so that the log says how it ended. */
  async tell(line: Buffer): Promise<void> {
    const { masker, limitBytes } = this.options;
    const masked = this.full ? Buffer.concat([masker.push(line), masker.end()]) : masker.push(line);
    this.queue(wholeLetters(masked, limitBytes + OWN_BYTES - this.accepted));
    await this.room();
  }

  /** Lets go what was held back for what might have followed, and tells how many bytes were taken. */
  mark(): number {
    if (!this.full) this.takeOutput(this.options.masker.end());
    return this.accepted;
  }

  /** Sends what is left; the answer is what the log must turn out to hold. */
  async close(): Promise<ClosedLog> {
    this.takeOutput(this.options.masker.end());
    while (this.sending) await this.sending;
    if (this.failure) throw this.failure;
    const claim = { bytes: this.offset, sha256: this.hash.digest('hex') };
    // Not waited for: the attempt's end can be recorded meanwhile, and whoever seals the log then finds it ready.
    this.options.logs.finish?.(this.options.attemptId, claim);
    return { ...claim, frames: this.frames };
  }

  private async room(): Promise<void> {
    while (this.unsentBytes > WINDOW_BYTES && this.sending) await this.sending;
    if (this.failure) throw this.failure;
  }

  private takeOutput(masked: Buffer): void {
    const { limitBytes, masker } = this.options;
    const kept = wholeLetters(masked, limitBytes - this.accepted);
    this.queue(kept);
    if (kept.length === masked.length) return;
    this.full = true;
    // What is held back of the output must not come before the next line.
    masker.end();
    this.queue(Buffer.from(`\n[log exceeded the limit of ${limitBytes} bytes; the rest is not kept]\n`));
  }

  private queue(bytes: Buffer): void {
    if (bytes.length === 0 || this.failure) return;
    this.accepted += bytes.length;
    this.unsent.push(bytes);
    this.unsentBytes += bytes.length;
    if (!this.sending) this.send();
  }

  private send(): void {
    this.sending = this.sendAll()
      .catch((error: unknown) => {
        this.failure = error;
        this.unsent = [];
        this.unsentBytes = 0;
      })
      .finally(() => {
        this.sending = undefined;
        // What came after the last look and before this moment found somebody sending and relies on it.
        if (this.unsent.length > 0) this.send();
      });
  }

  private async sendAll(): Promise<void> {
    while (this.unsent.length > 0) {
      const gathered = this.unsent.length === 1 ? this.unsent[0]! : Buffer.concat(this.unsent);
      this.unsent = [];
      for (let at = 0; at < gathered.length; at += FRAME_BYTES) {
        const bytes = gathered.subarray(at, at + FRAME_BYTES);
        await this.deliver(bytes);
        this.unsentBytes -= bytes.length;
      }
    }
  }

  /** Sends one frame until the store has it; a store that knows more or less of it says from where to go on. */
  private async deliver(frame: Buffer): Promise<void> {
    const end = this.offset + frame.length;
    let { offset } = this;
    for (let tries = 0; offset < end; tries += 1) {
      if (tries > REWINDS)
        throw new PermanentError(`the log of ${this.options.attemptId} does not accept its next frame`);
      const bytes = frame.subarray(offset - this.offset);
      const state = await this.options.logs.append(this.options.attemptId, { sequence: this.frames, offset, bytes });
      if (state.nextOffset < this.offset || state.nextOffset > end || state.sealed) {
        throw new PermanentError(`the log of ${this.options.attemptId} is at ${state.nextOffset}, not at ${offset}`);
      }
      offset = state.nextOffset;
      this.frames = state.nextSequence;
    }
    this.hash.update(frame);
    this.offset = end;
  }
}

/** So much of the text at most, without the beginning of a letter that does not fit. */
const wholeLetters = (text: Buffer, length: number): Buffer => {
  if (text.length <= length) return text;
  let end = Math.max(0, length);
  const least = Math.max(0, end - LETTER_BYTES);
  while (end > least && (text[end]! & 0xc0) === 0x80) end -= 1;
  return text.subarray(0, end);
};
