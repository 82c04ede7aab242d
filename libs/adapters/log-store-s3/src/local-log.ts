import { createHash, type Hash } from 'node:crypto';
import type { LogFrame, LogState, PermanentError } from '@foldline/kernel';
import type { LivePublisher } from './hints.ts';
import type { SegmentUploader } from './segment-uploader.ts';
import type { Spool } from './spool.ts';

/** A log that this process writes. */
export class LocalLog {
  nextSequence = 0;
  /** After a restart the number of frames is not known: the next frame's own number is taken as it comes. */
  sequenceKnown: boolean;
  /** A seal in progress; nothing is appended meanwhile. */
  sealing: Promise<void> | undefined;
  /** Why nothing more of this log can be kept. */
  failure: PermanentError | undefined;
  lastUsed = Date.now();
  /** The digest so far; absent when the log was not begun by this process. */
  private readonly hash: Hash | undefined;

  constructor(
    readonly spool: Spool,
    readonly uploader: SegmentUploader,
    readonly publisher: LivePublisher,
  ) {
    const fresh = spool.end === 0;
    this.sequenceKnown = fresh;
    this.hash = fresh ? createHash('sha256') : undefined;
  }

  get state(): LogState {
    return { nextOffset: this.spool.end, nextSequence: this.nextSequence, sealed: false };
  }

  continues(frame: LogFrame): boolean {
    return (
      frame.bytes.length > 0 &&
      frame.offset === this.spool.end &&
      (!this.sequenceKnown || frame.sequence === this.nextSequence)
    );
  }

  append(frame: LogFrame): void {
    this.spool.append(frame.bytes);
    this.hash?.update(frame.bytes);
    this.nextSequence = frame.sequence + 1;
    this.sequenceKnown = true;
    this.lastUsed = Date.now();
    this.uploader.appended();
    this.publisher.appended();
  }

  /** Whether this process has written the log from its first byte on. */
  get isWhole(): boolean {
    return this.hash !== undefined && this.spool.base === 0;
  }

  digest(): string | undefined {
    return this.hash?.copy().digest('hex');
  }

  stop(): void {
    this.uploader.stop();
    this.publisher.stop();
  }
}
