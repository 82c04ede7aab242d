/** A piece of an attempt's output. `offset` counts bytes from the log's start, `sequence` counts frames from 0. */
export type LogFrame = { sequence: number; offset: number; bytes: Buffer };

export type LogState = { nextOffset: number; nextSequence: number; sealed: boolean };

/**
 * The output of attempts while it is being written: one growing byte string per attempt.
 *
 * - `append` takes only the frame that continues the log exactly; a frame it already has is acknowledged and not
 *   written again; any other answers the state, so that the sender rewinds to `nextOffset`.
 * - What was acknowledged survives the death of this process (not of the machine, until `seal`).
 * - `seal` syncs, checks length and SHA-256 against what the sender claims and allows no further frame; it throws
 *   `PermanentError` on a mismatch. Sealing twice with the same claim is one seal.
 * - `finish` tells that the one writer has written everything, and what that is. It promises nothing and cannot fail: a
 *   store to which it makes no difference has none, and `seal` is called all the same.
 * - `follow` yields every byte from the offset on, in order, without gaps, and ends when the log is sealed or the
 *   signal aborts. A slow reader slows nobody down: it reads from the file, not from a queue.
 */
export interface LogStore {
  append(attemptId: string, frame: LogFrame): Promise<LogState>;
  state(attemptId: string): Promise<LogState>;
  finish?(attemptId: string, claim: { bytes: number; sha256: string }): void;
  seal(attemptId: string, claim: { bytes: number; sha256: string }): Promise<void>;
  /** Bytes from `start` up to, not including, `end`; shorter when the log is. */
  read(attemptId: string, start: number, end: number): Promise<Buffer>;
  follow(attemptId: string, offset: number, signal: AbortSignal): AsyncIterable<{ offset: number; bytes: Buffer }>;
  delete(attemptId: string): Promise<void>;
}
