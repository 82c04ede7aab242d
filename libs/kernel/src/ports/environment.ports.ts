/** Time, for everything that is not a pure decision. Tests give their own. */
export interface Clock {
  /** RFC 3339 in UTC with milliseconds. */
  now(): string;
  /** Milliseconds that only grow; comparable within this process only. */
  monotonic(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** New ids: sortable by time, safe in URLs, stream and file names (lower-case ULID). */
export interface Ids {
  next(): string;
}

/**
 * Seals values so that they may lie in events. `context` is authenticated and not secret: a value sealed for one
 * place does not open in another.
 */
export interface SecretBox {
  seal(clear: string, context: string): string;
  /** Throws `PermanentError` when the text was not sealed here for this context. */
  open(sealed: string, context: string): string;
  /** 32 bytes that every process of the instance knows and nobody else: the same for the same purpose, other for another. */
  keyFor(purpose: string): Buffer;
}

/** Structured log lines of the server itself; `fields` carry ids, never secrets. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
