import { PermanentError } from '@foldline/kernel';

const ATTEMPT_ID = /^[0-9a-z][0-9a-z.]{0,127}$/;
const OFFSET_DIGITS = 15;
const OFFSET = new RegExp(`^\\d{${OFFSET_DIGITS}}$`);
const PREFIX = /^([a-z0-9-]+\/)?$/;

/** Where the parts of an attempt's log lie. Offsets sort before the seal, so that one listing shows both. */
export type LogKeys = {
  folder: string;
  seal: string;
  segment(offset: number): string;
  /** The log in one piece. Two sealers that claim different contents never meet at one key. */
  whole(sha256: string): string;
};

export const checkPrefix = (prefix: string): string => {
  if (!PREFIX.test(prefix)) throw new PermanentError('the prefix of a log store is empty, or a word and a slash');
  return prefix;
};

/** The id becomes part of keys, topics and file names, so anything but digits, letters and dots is refused. */
export const checkAttemptId = (attemptId: string): string => {
  if (!ATTEMPT_ID.test(attemptId)) throw new PermanentError('not the id of an attempt');
  return attemptId;
};

export const logKeys = (prefix: string, attemptId: string): LogKeys => {
  const folder = `${prefix}logs/${checkAttemptId(attemptId)}/`;
  return {
    folder,
    seal: `${folder}seal`,
    segment: (offset) => `${folder}${String(offset).padStart(OFFSET_DIGITS, '0')}`,
    whole: (sha256) => `${folder}whole-${sha256}`,
  };
};

/** The offset that a segment's key names; `undefined` for the other keys of a log. */
export const offsetOf = (keys: LogKeys, key: string): number | undefined => {
  const name = key.slice(keys.folder.length);
  return OFFSET.test(name) ? Number(name) : undefined;
};
