import { PermanentError, Refusal, TransientError } from './errors.ts';

/** Codes of the operating system that say "not now": full disk, no memory, no descriptors, busy, device trouble. */
const PASSING = new Set([
  'EAGAIN',
  'EBUSY',
  'EDQUOT',
  'EINTR',
  'EIO',
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'ENOSPC',
  'ETIMEDOUT',
  'ETXTBSY',
]);

/** The `code` of an error of the operating system, for example `ENOENT`. */
export const systemCode = (error: unknown): string | undefined => {
  // Not `instanceof Error`: the errors of Node's own modules may belong to another realm.
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
};

/**
 * An error of the operating system in the words of this system; what already speaks them stays as it is.
 * `doing` completes "could not …" and names no secret.
 */
export const fromSystemError = (error: unknown, doing: string): Error => {
  if (error instanceof TransientError || error instanceof PermanentError || error instanceof Refusal) return error;
  const code = systemCode(error);
  const message = `could not ${doing}${code === undefined ? '' : ` (${code})`}`;
  return code !== undefined && PASSING.has(code)
    ? new TransientError(message, { cause: error })
    : new PermanentError(message, { cause: error });
};
