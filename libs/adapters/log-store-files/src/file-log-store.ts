import { createHash } from 'node:crypto';
import { fdatasync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import {
  PermanentError,
  fromSystemError,
  systemCode,
  type LogFrame,
  type LogState,
  type LogStore,
} from '@foldline/kernel';
import { Followers, type Follower } from './followers.ts';
import { OpenLogs, closeLog, stateOf, type OpenLog } from './open-logs.ts';

const CHUNK_BYTES = 256 * 1024;
const OPEN_LOGS = 256;
const syncData = promisify(fdatasync);

/**
 * One file per attempt; sealing renames it. A restart finds each log's length from its file; the number of frames is
 * not kept, so `nextSequence` starts at 0 again and the first frame at the right offset sets the count.
 * The bytes of an appended frame must not be changed by the caller afterwards: a follower may be given them.
 */
export const openFileLogStore = async (options: { directory: string; openLogs?: number }): Promise<LogStore> => {
  try {
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fromSystemError(error, 'open the log store');
  }
  return new FileLogStore(new OpenLogs(options.directory, options.openLogs ?? OPEN_LOGS));
};

class FileLogStore implements LogStore {
  private readonly followers = new Followers();

  constructor(private readonly logs: OpenLogs) {}

  async append(attemptId: string, frame: LogFrame): Promise<LogState> {
    for (let seal = this.sealing(attemptId); seal; seal = this.sealing(attemptId)) await seal;
    const log = this.logs.get(attemptId);
    if (!continues(log, frame)) return stateOf(log);
    try {
      this.logs.write(log, frame.bytes);
    } catch (error) {
      throw fromSystemError(error, 'write to a log');
    }
    log.nextSequence = frame.sequence + 1;
    log.sequenceKnown = true;
    this.followers.wake(attemptId, frame);
    return stateOf(log);
  }

  async state(attemptId: string): Promise<LogState> {
    for (let seal = this.sealing(attemptId); seal; seal = this.sealing(attemptId)) await seal;
    return stateOf(this.logs.get(attemptId));
  }

  async seal(attemptId: string, claim: { bytes: number; sha256: string }): Promise<void> {
    for (let seal = this.sealing(attemptId); seal; seal = this.sealing(attemptId)) await seal;
    const log = this.logs.get(attemptId);
    const work = this.sealOnce(log, claim);
    log.sealing = work.catch(() => undefined);
    try {
      await work;
    } catch (error) {
      throw fromSystemError(error, 'seal a log');
    } finally {
      delete log.sealing;
    }
    this.followers.wake(attemptId);
  }

  async read(attemptId: string, start: number, end: number): Promise<Buffer> {
    const log = this.logs.get(attemptId);
    const length = Math.min(end, log.nextOffset) - start;
    if (length <= 0) return Buffer.alloc(0);
    const file = await openLog(log);
    try {
      return file ? await readAt(file, start, length) : Buffer.alloc(0);
    } finally {
      await file?.close();
    }
  }

  async *follow(
    attemptId: string,
    offset: number,
    signal: AbortSignal,
  ): AsyncGenerator<{ offset: number; bytes: Buffer }> {
    const follower = this.followers.join(attemptId);
    const stop = (): void => follower.dismiss();
    signal.addEventListener('abort', stop, { once: true });
    try {
      if (!signal.aborted) yield* this.piecesFor(follower, attemptId, offset);
    } finally {
      signal.removeEventListener('abort', stop);
      this.followers.leave(attemptId, follower);
    }
  }

  async delete(attemptId: string): Promise<void> {
    for (let seal = this.sealing(attemptId); seal; seal = this.sealing(attemptId)) await seal;
    const { paths } = this.logs.get(attemptId);
    this.logs.forget(attemptId);
    rmSync(paths.growing, { force: true });
    rmSync(paths.sealed, { force: true });
    this.followers.dismiss(attemptId);
  }

  private async *piecesFor(follower: Follower, attemptId: string, offset: number) {
    let file: FileHandle | undefined;
    try {
      for (let position = offset; !follower.dismissed;) {
        const log = this.logs.get(attemptId);
        if (position < log.nextOffset) {
          file ??= await openLog(log);
          if (!file) return;
          const bytes = await readAt(file, position, Math.min(CHUNK_BYTES, log.nextOffset - position));
          if (follower.dismissed) return;
          yield { offset: position, bytes };
          position += bytes.length;
        } else if (log.sealed) return;
        else {
          const appended = await follower.news();
          if (follower.dismissed || appended?.offset !== position) continue;
          yield { offset: position, bytes: appended.bytes };
          position += appended.bytes.length;
        }
      }
    } finally {
      await file?.close();
    }
  }

  /** The seal in progress, if any. Whoever needs the log waits for it and then acts without waiting again. */
  private sealing(attemptId: string): Promise<void> | undefined {
    return this.logs.get(attemptId).sealing;
  }

  private async sealOnce(log: OpenLog, claim: { bytes: number; sha256: string }): Promise<void> {
    if (log.nextOffset !== claim.bytes) {
      throw new PermanentError(`the log has ${log.nextOffset} bytes, not ${claim.bytes}`);
    }
    const sha256 = log.hash ? log.hash.copy().digest('hex') : await digestOf(log);
    if (sha256 !== claim.sha256) throw new PermanentError(`the log's digest is ${sha256}, not ${claim.sha256}`);
    if (log.sealed) return;
    this.logs.write(log, Buffer.alloc(0));
    await syncData(log.fd ?? this.missing());
    renameSync(log.paths.growing, log.paths.sealed);
    closeLog(log);
    log.sealed = true;
    const shard = await open(log.paths.shard, 'r');
    await shard.sync().finally(() => shard.close());
  }

  private missing(): never {
    throw new PermanentError('the log has no file');
  }
}

const continues = (log: OpenLog, frame: LogFrame): boolean =>
  !log.sealed &&
  frame.bytes.length > 0 &&
  frame.offset === log.nextOffset &&
  (!log.sequenceKnown || frame.sequence === log.nextSequence);

/** The file of a log, under whichever name it has now: sealing renames it. */
const openLog = async (log: OpenLog): Promise<FileHandle | undefined> => {
  for (const path of [log.sealed ? log.paths.sealed : log.paths.growing, log.paths.sealed]) {
    try {
      return await open(path, 'r');
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw fromSystemError(error, 'open a log');
    }
  }
  return undefined;
};

const readAt = async (file: FileHandle, start: number, length: number): Promise<Buffer> => {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(bytes, done, length - done, start + done);
    if (bytesRead === 0) throw new PermanentError('a log is shorter than what was acknowledged');
    done += bytesRead;
  }
  return bytes;
};

const digestOf = async (log: OpenLog): Promise<string> => {
  const hash = createHash('sha256');
  const file = await openLog(log);
  if (!file) return hash.digest('hex');
  try {
    for (let position = 0; position < log.nextOffset;) {
      const bytes = await readAt(file, position, Math.min(CHUNK_BYTES, log.nextOffset - position));
      hash.update(bytes);
      position += bytes.length;
    }
    return hash.digest('hex');
  } finally {
    await file.close();
  }
};
