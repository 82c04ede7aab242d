import { PermanentError } from '@foldline/kernel';
import type { S3Bucket } from '@foldline/s3';
import { logKeys, offsetOf, type LogKeys } from './log-keys.ts';
import { parseSeal, type Seal, type Segment } from './seal.ts';

const AT_ONCE = 16;
const TRIES = 4;
const MAX_REMEMBERED = 1_024;

/** What of a log is in the bucket: its bytes from the start up to `end`, without a gap. */
export type RemoteView = { segments: readonly Segment[]; end: number; seal?: Seal };

/** Some object of the view is gone: the log was sealed, compacted or deleted since. */
export class StaleView extends Error {
  override readonly name = 'StaleView';
}

/** Logs as every host sees them. */
export class RemoteLogs {
  /** Seals never change, so those used last are kept. */
  private readonly seals = new Map<string, Seal>();

  constructor(
    readonly bucket: S3Bucket,
    private readonly prefix: string,
  ) {}

  keys(attemptId: string): LogKeys {
    return logKeys(this.prefix, attemptId);
  }

  /** What is there now; with an earlier view only what is new is listed. */
  async view(attemptId: string, earlier?: RemoteView): Promise<RemoteView> {
    const remembered = this.seals.get(attemptId);
    if (remembered) return viewOf(remembered);
    const keys = this.keys(attemptId);
    const segments = [...(earlier?.segments ?? [])];
    let end = earlier?.end ?? 0;
    const listed = await this.bucket.list(keys.folder, segments.at(-1)?.key);
    for (const { key, bytes, etag } of listed) {
      if (key === keys.seal) return this.sealedView(attemptId);
      // What does not continue the log without a gap is not a part of it yet.
      if (offsetOf(keys, key) !== end || bytes === 0) continue;
      segments.push({ key, offset: end, bytes, etag });
      end += bytes;
    }
    return { segments, end };
  }

  /** The seal; `undefined` when the log has none. */
  async findSeal(attemptId: string): Promise<Seal | undefined> {
    const remembered = this.seals.get(attemptId);
    if (remembered) return remembered;
    const keys = this.keys(attemptId);
    const found = await this.bucket.read(keys.seal);
    if (!found) return undefined;
    const seal = parseSeal(found, keys);
    this.seals.set(attemptId, seal);
    if (this.seals.size > MAX_REMEMBERED) this.seals.delete(this.seals.keys().next().value ?? '');
    return seal;
  }

  forget(attemptId: string): void {
    this.seals.delete(attemptId);
  }

  /** Bytes of a log as it is now, shorter when the log is. */
  async read(attemptId: string, start: number, end: number): Promise<Buffer> {
    for (let tries = 1; ; tries += 1) {
      const view = await this.view(attemptId);
      try {
        return await this.readView(view, start, end);
      } catch (error) {
        if (!(error instanceof StaleView)) throw error;
        this.forget(attemptId);
        if (tries >= TRIES) throw new PermanentError('a part of a log is missing', { cause: error });
      }
    }
  }

  /** Bytes of what the view shows. Throws `StaleView` when it does not hold any more. */
  async readView(view: RemoteView, start: number, end: number): Promise<Buffer> {
    const wanted = view.segments.filter(({ offset, bytes }) => offset < end && offset + bytes > start);
    const pieces: Buffer[] = [];
    for (let n = 0; n < wanted.length; n += AT_ONCE) {
      const some = wanted.slice(n, n + AT_ONCE).map((segment) => this.readSegment(segment, start, end));
      pieces.push(...(await Promise.all(some)));
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  private async sealedView(attemptId: string): Promise<RemoteView> {
    const seal = await this.findSeal(attemptId);
    if (!seal) throw new StaleView('the seal is gone');
    return viewOf(seal);
  }

  /** Another length or etag than was listed or sealed is damage: nothing of it is handed out. */
  private async readSegment(segment: Segment, start: number, end: number): Promise<Buffer> {
    const from = Math.max(0, start - segment.offset);
    const to = Math.min(segment.bytes, end - segment.offset);
    const whole = from === 0 && to === segment.bytes && segment.at === undefined;
    const at = segment.at ?? 0;
    const found = await this.bucket.read(segment.key, whole ? undefined : { start: at + from, end: at + to });
    if (!found) throw new StaleView('a segment is gone');
    if (found.bytes.length !== to - from || found.etag !== segment.etag) {
      throw new PermanentError(`a segment of a log is damaged: ${segment.key}`);
    }
    return found.bytes;
  }
}

export const viewOf = (seal: Seal): RemoteView => ({ segments: seal.segments, end: seal.bytes, seal });
