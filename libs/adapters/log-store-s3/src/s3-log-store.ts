import {
  PermanentError,
  fromSystemError,
  type LogFrame,
  type LogState,
  type LogStore,
  type Signals,
} from '@foldline/kernel';
import { deleteAll, ensureExpiry } from '@foldline/s3';
import { Followers, type Follower } from './followers.ts';
import { hint, tailTopic, WRITERS_TOPIC } from './hints.ts';
import { LettingGo } from './letting-go.ts';
import { LocalLog } from './local-log.ts';
import { LocalLogs } from './local-logs.ts';
import { checkAttemptId, checkPrefix } from './log-keys.ts';
import { DEFAULT_LIMITS, type S3LogLimits, type S3LogStoreOptions } from './options.ts';
import { RemoteLogs } from './remote-logs.ts';
import { Sealer } from './sealer.ts';
import { Tails, type Tail } from './tails.ts';

const CHUNK_BYTES = 256 * 1024;

export type S3LogStore = LogStore & {
  /** Uploads what can be uploaded within the time, in milliseconds; the next start goes on with the rest. */
  close(graceMs?: number): Promise<void>;
};

/**
 * Logs in an S3 bucket, for any number of hosts. The process that writes a log spools it (what was acknowledged
 * outlives the process) and uploads segments; others read the segments, sped up by hints. As with every log store,
 * `nextSequence` is not known after a restart, and the bytes of an appended frame must not be changed afterwards.
 * On another host than the writer's, `state` and `read` answer what has been uploaded. An attempt has one writer: that a
 * log was sealed before its first frame is noticed when it is uploaded or finished, and frames taken till then are not kept.
 */
export const openS3LogStore = async (options: S3LogStoreOptions): Promise<S3LogStore> => {
  const prefix = checkPrefix(options.prefix ?? '');
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const id = `foldline-${prefix.replace('/', '-')}logs`;
  await ensureExpiry(options.bucket, [{ id, prefix: `${prefix}logs/`, days: 1, objectsToo: false }]);
  const remote = new RemoteLogs(options.bucket, prefix);
  try {
    const locals = new LocalLogs(options.spoolDirectory, remote, options.signals, limits);
    const store = new SpoolingLogStore(remote, locals, options.signals, limits);
    void locals.resume();
    return store;
  } catch (error) {
    throw fromSystemError(error, 'open the log store');
  }
};

class SpoolingLogStore implements S3LogStore {
  private readonly followers = new Followers();
  private readonly tails: Tails;
  private readonly sealer: Sealer;
  private readonly lettingGo: LettingGo;

  constructor(
    private readonly remote: RemoteLogs,
    private readonly locals: LocalLogs,
    private readonly signals: Signals,
    private readonly limits: S3LogLimits,
  ) {
    this.tails = new Tails(remote, signals, limits);
    this.sealer = new Sealer(remote, signals, limits);
    this.lettingGo = new LettingGo(remote, locals, this.followers, limits);
    this.lettingGo.listen(signals);
  }

  async append(attemptId: string, frame: LogFrame): Promise<LogState> {
    checkAttemptId(attemptId);
    for (;;) {
      await this.sealed(attemptId);
      const log = this.locals.peek(attemptId) ?? (await this.locals.findOrBegin(attemptId, frame));
      if (!(log instanceof LocalLog)) {
        return { nextOffset: log.end, nextSequence: 0, sealed: log.seal !== undefined };
      }
      if (log.sealing) continue;
      if (log.failure) throw log.failure;
      if (!log.continues(frame)) return log.state;
      if (this.locals.room.has(frame.bytes.length)) return this.write(attemptId, log, frame);
      await this.locals.room.change(this.limits.roomMs);
    }
  }

  async state(attemptId: string): Promise<LogState> {
    checkAttemptId(attemptId);
    await this.sealed(attemptId);
    const log = this.locals.peek(attemptId) ?? (await this.locals.find(attemptId));
    if (log) return log.state;
    const { end, seal } = await this.remote.view(attemptId);
    return { nextOffset: end, nextSequence: 0, sealed: seal !== undefined };
  }

  finish(attemptId: string, claim: { bytes: number; sha256: string }): void {
    const log = this.locals.peek(attemptId);
    if (!log || log.sealing) return;
    const work = this.sealer.sealWritten(attemptId, claim, log);
    log.sealing = work.then(
      () => undefined,
      () => undefined,
    );
    void this.finished(attemptId, log, work);
  }

  async seal(attemptId: string, claim: { bytes: number; sha256: string }): Promise<void> {
    checkAttemptId(attemptId);
    await this.sealed(attemptId);
    const log = this.locals.peek(attemptId) ?? (await this.locals.find(attemptId));
    if (log?.sealing) return this.seal(attemptId, claim);
    const work = this.sealer.seal(attemptId, claim, log);
    if (log) log.sealing = work.catch(() => undefined);
    try {
      await work;
      this.locals.forget(attemptId);
    } catch (error) {
      throw fromSystemError(error, 'seal a log');
    } finally {
      if (log) log.sealing = undefined;
    }
    this.followers.wake(attemptId);
  }

  async read(attemptId: string, start: number, end: number): Promise<Buffer> {
    checkAttemptId(attemptId);
    const log = this.locals.peek(attemptId) ?? (await this.locals.find(attemptId));
    if (!log || start < log.spool.base) return this.remote.read(attemptId, start, end);
    return start < log.spool.end ? log.spool.read(start, Math.min(end, log.spool.end)) : Buffer.alloc(0);
  }

  async *follow(
    attemptId: string,
    offset: number,
    signal: AbortSignal,
  ): AsyncGenerator<{ offset: number; bytes: Buffer }> {
    checkAttemptId(attemptId);
    const follower = this.followers.join(attemptId);
    // The reader may never come back to be told: what was held for it goes with the signal.
    const stop = (): void => {
      follower.dismiss();
      this.tails.leave(attemptId, follower);
      this.followers.leave(attemptId, follower);
    };
    signal.addEventListener('abort', stop, { once: true });
    try {
      if (!signal.aborted) yield* this.piecesFor(follower, attemptId, offset);
    } finally {
      signal.removeEventListener('abort', stop);
      stop();
    }
  }

  async delete(attemptId: string): Promise<void> {
    const { bucket } = this.remote;
    const keys = this.remote.keys(attemptId);
    await this.sealed(attemptId);
    await this.locals.peek(attemptId)?.uploader.halt();
    this.locals.forget(attemptId);
    this.remote.forget(attemptId);
    // The seal first: what is left of a deletion that was cut off must not look like a whole log.
    await bucket.delete(keys.seal);
    await deleteAll(
      bucket,
      (await bucket.list(keys.folder)).map(({ key }) => key),
    );
    this.remote.forget(attemptId);
    hint(this.signals, WRITERS_TOPIC, { attemptId, kind: 'deleted' });
    hint(this.signals, tailTopic(attemptId), { kind: 'deleted' });
    this.followers.dismiss(attemptId);
  }

  async close(graceMs = 5_000): Promise<void> {
    this.lettingGo.stop();
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise((resolve) => (timer = setTimeout(resolve, graceMs)));
    const uploads = Array.from(this.locals.entries(), async ([, log]) => {
      await log.sealing;
      await log.uploader.flush();
    });
    await Promise.race([Promise.allSettled(uploads), grace]);
    clearTimeout(timer);
    this.followers.dismissAll();
    this.tails.close();
    this.locals.close();
  }

  /** Whatever came of it, the log is uploaded, unless its seal says that this is not wanted any more. */
  private async finished(attemptId: string, log: LocalLog, work: Promise<boolean>): Promise<void> {
    const outcome = await work.catch((error: unknown) => error);
    log.sealing = undefined;
    if (outcome === true) {
      this.locals.forget(attemptId);
      this.followers.wake(attemptId);
      return;
    }
    if (outcome instanceof PermanentError) await this.lettingGo.of(attemptId, log);
    log.uploader.start();
  }

  private write(attemptId: string, log: LocalLog, frame: LogFrame): LogState {
    try {
      log.append(frame);
    } catch (error) {
      throw fromSystemError(error, 'write to a log');
    }
    this.locals.room.add(frame.bytes.length);
    this.followers.wake(attemptId);
    return log.state;
  }

  private async *piecesFor(follower: Follower, attemptId: string, offset: number) {
    let tail: Tail | undefined;
    await follower.unlessGone(this.locals.find(attemptId));
    for (let position = offset; !follower.dismissed;) {
      const spool = this.locals.peek(attemptId)?.spool;
      let piece: Buffer | 'end' | undefined;
      if (spool && spool.base <= position) {
        const end = Math.min(spool.end, position + CHUNK_BYTES);
        piece = position < end ? spool.read(position, end) : undefined;
      } else {
        tail ??= this.tails.join(attemptId, follower);
        piece = await follower.unlessGone(tail.pieceAt(position));
      }
      if (piece === 'end' || follower.dismissed) return;
      if (piece) yield { offset: position, bytes: piece };
      else await follower.news();
      position += piece?.length ?? 0;
    }
  }

  /** Whoever needs the log waits for a seal in progress and then acts without waiting again. */
  private async sealed(attemptId: string): Promise<void> {
    for (let log = this.locals.peek(attemptId); log?.sealing; log = this.locals.peek(attemptId)) await log.sealing;
  }
}
