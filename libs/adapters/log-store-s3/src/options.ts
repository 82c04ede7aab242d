import type { Signals } from '@foldline/kernel';
import type { S3Bucket } from '@foldline/s3';

/** Bytes and milliseconds; the defaults are what the guarantees below are given for. */
export type S3LogLimits = {
  /** Output is uploaded when there is so much of it … */
  segmentBytes: number;
  /** … or so long after the first byte that is not uploaded; twice as long once a log has many segments. */
  segmentMs: number;
  /** A log that is no longer lies within its seal, in one object; a longer one beside it. */
  inlineBytes: number;
  /** How often a followed log that says nothing is looked at: the most that lost hints can cost. */
  pollMs: number;
  /** What all logs of this process may hold that is not uploaded. */
  spoolBytes: number;
  /** How long an append waits for room before it fails with `TransientError`. */
  roomMs: number;
  /** How long sealing on another host waits for bytes that the writer has acknowledged but not uploaded … */
  arrivalMs: number;
  /** … and after how long without progress they are given up with `PermanentError`. */
  abandonedMs: number;
  /** How often it is checked whether an uploaded log was sealed or deleted elsewhere. */
  tidyMs: number;
};

export const DEFAULT_LIMITS: S3LogLimits = {
  segmentBytes: 1024 * 1024,
  segmentMs: 1_000,
  inlineBytes: 256 * 1024,
  pollMs: 1_000,
  spoolBytes: 64 * 1024 * 1024,
  roomMs: 30_000,
  arrivalMs: 10_000,
  abandonedMs: 60_000,
  tidyMs: 30_000,
};

export type S3LogStoreOptions = {
  bucket: S3Bucket;
  /** Carries hints between hosts. Losing any or all of them costs time, never bytes. */
  signals: Signals;
  /** A folder of this process alone, which its next start finds again. */
  spoolDirectory: string;
  /** Keeps the logs of several systems apart in one bucket: empty, or a word and a slash. */
  prefix?: string;
  limits?: Partial<S3LogLimits>;
};
