import { createHash, type Hash } from 'node:crypto';
import { closeSync, constants, mkdirSync, openSync, writeSync } from 'node:fs';
import type { LogState } from '@foldline/kernel';
import { findLog, logPaths, type LogPaths } from './log-paths.ts';

/** What is kept in memory of one log; all of it can be found again from the file, but for the frame count. */
export type OpenLog = {
  paths: LogPaths;
  nextOffset: number;
  nextSequence: number;
  /** After a restart the number of frames is not known: the next frame's own number is taken as it comes. */
  sequenceKnown: boolean;
  sealed: boolean;
  fd?: number;
  /** The digest so far; absent when the log was found on disk. */
  hash?: Hash;
  /** A seal in progress; nothing is appended meanwhile. */
  sealing?: Promise<void>;
};

export const stateOf = ({ nextOffset, nextSequence, sealed }: OpenLog): LogState => ({
  nextOffset,
  nextSequence,
  sealed,
});

/** The logs used last, with their file open while they grow. The rest is closed and found again when asked for. */
export class OpenLogs {
  private readonly logs = new Map<string, OpenLog>();

  constructor(
    private readonly directory: string,
    private readonly capacity: number,
  ) {}

  get(attemptId: string): OpenLog {
    const log = this.logs.get(attemptId) ?? this.find(attemptId);
    this.logs.delete(attemptId);
    this.logs.set(attemptId, log);
    this.evict();
    return log;
  }

  forget(attemptId: string): void {
    const log = this.logs.get(attemptId);
    this.logs.delete(attemptId);
    if (log) closeLog(log);
  }

  /** One system call; the bytes are the kernel's when it returns, so they outlive this process. */
  write(log: OpenLog, bytes: Buffer): void {
    log.fd ??= openForWriting(log.paths);
    for (let written = 0; written < bytes.length;) {
      written += writeSync(log.fd, bytes, written, bytes.length - written, log.nextOffset + written);
    }
    log.hash?.update(bytes);
    log.nextOffset += bytes.length;
  }

  private find(attemptId: string): OpenLog {
    const paths = logPaths(this.directory, attemptId);
    const { bytes, sealed } = findLog(paths);
    const fresh = bytes === 0 && !sealed;
    const log: OpenLog = { paths, nextOffset: bytes, nextSequence: 0, sequenceKnown: fresh, sealed };
    return fresh ? { ...log, hash: createHash('sha256') } : log;
  }

  private evict(): void {
    for (const [attemptId, log] of this.logs) {
      if (this.logs.size <= this.capacity) return;
      if (log.sealing === undefined) this.forget(attemptId);
    }
  }
}

/** Not in append mode: after a write that failed half way the next one must start at the same offset again. */
const openForWriting = (paths: LogPaths): number => {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
  mkdirSync(paths.shard, { recursive: true, mode: 0o700 });
  return openSync(paths.growing, flags, 0o600);
};

export const closeLog = (log: OpenLog): void => {
  if (log.fd !== undefined) closeSync(log.fd);
  delete log.fd;
};
