import { PermanentError, TransientError } from '@foldline/kernel';
import type { Growing } from './hints.ts';
import type { S3LogLimits } from './options.ts';
import type { RemoteLogs } from './remote-logs.ts';

/** After so many segments a log is a slow one, and fewer, larger segments serve its readers better. */
const MANY = 60;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/** `unseen` says that nobody has looked yet whether the bucket has something of this log. */
export type Upload = { attemptId: string; source: Growing; uploaded: number; unseen: boolean };

export type UploadEvents = {
  uploaded(bytes: number): void;
  /** Somebody else wrote other bytes to this log, or it can for another reason never be uploaded. */
  failed(error: PermanentError): void;
  /** The log was sealed before this process had begun it: nothing of it is wanted. */
  late(): void;
};

/**
 * Brings what was spooled into the bucket, segment after segment. A segment is written only where none is; one that is
 * there already with the same bytes (an upload whose answer was lost) counts as uploaded.
 */
export class SegmentUploader {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private failures = 0;
  private readonly written: string[] = [];
  private stopped = false;

  constructor(
    private readonly remote: RemoteLogs,
    private readonly log: Upload,
    private readonly limits: S3LogLimits,
    private readonly events: UploadEvents,
  ) {}

  get uploaded(): number {
    return this.log.uploaded;
  }

  /** The objects it has brought into the bucket. */
  get keys(): readonly string[] {
    return this.written;
  }

  get unsent(): number {
    return this.log.source.end - this.log.uploaded;
  }

  appended(): void {
    if (this.failures === 0 && this.unsent >= this.limits.segmentBytes) this.start();
    else this.startIn(this.written.length < MANY ? this.limits.segmentMs : 2 * this.limits.segmentMs);
  }

  /** Begins at once; trouble is met by trying again. */
  start(): void {
    if (this.stopped || this.running || this.unsent === 0) return;
    this.stopTimer();
    this.running = this.uploadAll(this.log.source.end)
      .then(() => {
        this.failures = 0;
      })
      .catch((error: unknown) => this.troubled(error))
      .finally(() => {
        this.running = undefined;
        if (this.failures === 0 && this.unsent > 0) this.appended();
      });
  }

  /** Resolves when everything that is spooled now has been uploaded; fails when that fails. */
  async flush(): Promise<void> {
    while (this.running) await this.running;
    if (this.stopped || this.unsent === 0) return;
    const work = this.uploadAll(this.log.source.end);
    this.running = work
      .catch((error: unknown) => this.troubled(error))
      .finally(() => {
        this.running = undefined;
      });
    await work;
  }

  /** Begins nothing more by itself until `start`, and resolves when nothing is on its way. */
  async rest(): Promise<void> {
    this.stopTimer();
    while (this.running) await this.running;
    this.stopTimer();
  }

  stop(): void {
    this.stopped = true;
    this.stopTimer();
  }

  /** Stops, and resolves when nothing is on its way any more. */
  async halt(): Promise<void> {
    this.stop();
    while (this.running) await this.running;
  }

  private stopTimer(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private startIn(milliseconds: number): void {
    if (this.stopped) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.start();
    }, milliseconds).unref();
  }

  private troubled(error: unknown): void {
    if (this.stopped) return;
    if (error instanceof PermanentError) {
      this.stop();
      this.events.failed(error);
      return;
    }
    this.failures += 1;
    this.startIn(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(10, this.failures - 1)));
  }

  private async uploadAll(target: number): Promise<void> {
    if (this.log.unseen) await this.look();
    while (this.log.uploaded < target && !this.stopped) {
      const { uploaded } = this.log;
      const end = Math.min(target, uploaded + this.limits.segmentBytes);
      const accepted = await this.uploadSegment(uploaded, end);
      if (this.stopped) return;
      this.log.uploaded += accepted;
      this.events.uploaded(accepted);
    }
  }

  /** Another writer's segments are met when a segment is written; a log may also have been sealed without any. */
  private async look(): Promise<void> {
    const sealed = (await this.remote.findSeal(this.log.attemptId)) !== undefined;
    this.log.unseen = false;
    if (!sealed || this.stopped) return;
    this.stop();
    this.events.late();
  }

  private async uploadSegment(start: number, end: number): Promise<number> {
    const { attemptId, source } = this.log;
    const key = this.remote.keys(attemptId).segment(start);
    const written = await this.remote.bucket.put(key, source.read(start, end), { ifAbsent: true });
    this.written.push(key);
    if (written) return end - start;
    const there = await this.remote.bucket.read(key);
    if (!there) throw new TransientError('a segment was there and is gone');
    const { length } = there.bytes;
    const known = length > 0 && start + length <= source.end && source.read(start, start + length).equals(there.bytes);
    if (!known) throw new PermanentError('another writer has written other output to this log');
    return length;
  }
}
