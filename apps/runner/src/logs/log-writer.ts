import { createHash } from 'node:crypto';
import type { LogStore } from '@foldline/kernel';
import { PermanentError } from '@foldline/kernel';
import type { Masker } from '../masking/secret-masker.ts';

const FRAME_BYTES = 64 * 1024;
const WINDOW_BYTES = 1024 * 1024;
const DEFAULT_LIMIT = 16 * 1024 * 1024;
const REWINDS = 10;
/** Bytes that may follow the first of a letter in UTF-8. */
const LETTER_BYTES = 3;

export type LogWriterOptions = { attemptId: string; store: LogStore; masker: Masker; limitBytes?: number };
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

  /** Resolves when there is room for more; a fast job is slowed down to the speed of its log. */
  async write(chunk: Buffer): Promise<void> {
    this.take(this.options.masker.push(chunk));
    while (this.unsentBytes > WINDOW_BYTES && this.sending) await this.sending;
    if (this.failure) throw this.failure;
  }

  /** Sends what is left; the answer is what the log must turn out to hold. */
  async close(): Promise<ClosedLog> {
    this.take(this.options.masker.end());
    while (this.sending) await this.sending;
    if (this.failure) throw this.failure;
    return { bytes: this.offset, sha256: this.hash.digest('hex'), frames: this.frames };
  }

  private take(masked: Buffer): void {
    if (masked.length === 0 || this.full || this.failure) return;
    const room = this.options.limitBytes - this.accepted;
    this.queue(masked.length > room ? wholeLetters(masked, room) : masked);
    if (masked.length > room) {
      this.full = true;
      this.queue(Buffer.from(`\n[log exceeded the limit of ${this.options.limitBytes} bytes; the rest is not kept]\n`));
    }
    if (!this.sending && !this.failure) this.send();
  }

  private queue(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.accepted += bytes.length;
    this.unsent.push(bytes);
    this.unsentBytes += bytes.length;
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
      const state = await this.options.store.append(this.options.attemptId, { sequence: this.frames, offset, bytes });
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
  let end = length;
  while (end > Math.max(0, length - LETTER_BYTES) && (text[end]! & 0xc0) === 0x80) end -= 1;
  return text.subarray(0, end);
};
