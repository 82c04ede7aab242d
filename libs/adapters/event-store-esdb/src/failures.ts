import { ErrorType, isCommandError } from '@eventstore/db-client';
import { AccessDenied, PermanentError, Refusal, TransientError } from '@foldline/kernel';

const ASKING_AGAIN_IS_VAIN = new Set<string>([
  ErrorType.INVALID_ARGUMENT,
  ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED,
  ErrorType.MISSING_REQUIRED_METADATA_PROPERTY,
  ErrorType.STREAM_DELETED,
  ErrorType.UNSUPPORTED,
]);
/** Codes of gRPC that the client has no name for, and that do not pass. */
const VAIN_CODES = new Map<number | undefined, string>([
  [3, 'invalid-argument'],
  [11, 'out-of-range'],
  [12, 'unimplemented'],
]);
/** gRPC's: this user has no right to it; the credentials are wrong, or missing. */
const [PERMISSION_DENIED, UNAUTHENTICATED] = [7, 16];

/**
 * What the client threw, in the words of this system. Whatever is not known to be final is passing: then the outcome of
 * an append is unknown, and asking again with the same ids is safe. `doing` completes "could not …".
 * `AccessDenied` when the server knows us not, or not well enough.
 */
export const failureOf = (error: unknown, doing: string): Error => {
  if (error instanceof PermanentError || error instanceof TransientError || error instanceof Refusal) return error;
  const { kind, vain } = kindOf(error);
  const denial = denialOf(error);
  if (denial) return new AccessDenied(`EventStoreDB could not ${doing}: ${denial}`, { cause: error });
  const message = `EventStoreDB could not ${doing} (${kind})`;
  return vain ? new PermanentError(message, { cause: error }) : new TransientError(message, { cause: error });
};

const denialOf = (error: unknown): string | undefined => {
  if (!(error instanceof Error) || !isCommandError(error)) return undefined;
  if (error.code === UNAUTHENTICATED) return 'it does not accept the user name and the password';
  if (error.type === ErrorType.ACCESS_DENIED || error.code === PERMISSION_DENIED)
    return 'the user has no right to it, or none was named';
  return undefined;
};

const kindOf = (error: unknown): { kind: string; vain: boolean } => {
  if (!(error instanceof Error)) return { kind: typeof error, vain: false };
  if (!isCommandError(error)) return { kind: error.name, vain: false };
  const named = error.type === ErrorType.UNKNOWN ? VAIN_CODES.get(error.code) : undefined;
  return { kind: named ?? error.type, vain: named !== undefined || ASKING_AGAIN_IS_VAIN.has(error.type) };
};
