import { AccessDenied, PermanentError, TransientError } from '@foldline/kernel';

/**
 * Codes with which a server says "not now". The code is the first word of an error reply, by the protocol
 * (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors).
 */
const PASSING = new Set([
  'BUSY',
  'CLUSTERDOWN',
  'LOADING',
  'MASTERDOWN',
  'MISCONF',
  'NOREPLICAS',
  'OOM',
  'READONLY',
  'TRYAGAIN',
  'UNKILLABLE',
]);

/** Codes with which a server says "not you". */
const DENIALS = new Set(['NOAUTH', 'NOPERM', 'WRONGPASS']);

export const isDenial = (error: unknown): boolean => DENIALS.has(replyCode(error) ?? '');

/** The code of an error reply; nothing when the failure came from elsewhere: the connection, a time limit. */
export const replyCode = (error: unknown): string | undefined => {
  if (typeof error !== 'object' || error === null || !('name' in error) || error.name !== 'ReplyError')
    return undefined;
  return /^[A-Z]+/.exec('message' in error ? String(error.message) : '')?.[0] ?? '';
};

/** What failed in the words of this system. `doing` completes "could not …" and names no secret. */
export const fromRedisError = (error: unknown, doing: string): Error => {
  if (error instanceof TransientError || error instanceof PermanentError) return error;
  const code = replyCode(error);
  const cause = bareError(error);
  const message = `could not ${doing}: ${cause.message}`;
  if (isDenial(error)) return new AccessDenied(message, { cause });
  return code === undefined || PASSING.has(code)
    ? new TransientError(message, { cause })
    : new PermanentError(message, { cause });
};

/** The client hangs the whole command on its errors, with documents and passwords: what goes on has the words only. */
export const bareError = (error: unknown): Error => {
  const text =
    typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
  return new Error(text);
};
