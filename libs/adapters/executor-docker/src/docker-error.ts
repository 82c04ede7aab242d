import { PermanentError, TransientError } from '@foldline/kernel';

/** The status with which the daemon answered; nothing where it did not answer. */
export const statusOf = (error: unknown): number | undefined => {
  const status = (error as { statusCode?: unknown } | undefined)?.statusCode;
  return typeof status === 'number' ? status : undefined;
};

/** What the daemon refuses for good is permanent; what it could not do, or that it did not answer, may pass. */
export const fromDockerError = (error: unknown, what: string): Error => {
  if (error instanceof TransientError || error instanceof PermanentError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  const status = statusOf(error);
  const isRefused = status !== undefined && status >= 400 && status < 500 && status !== 409;
  const message = `Docker could not ${what}: ${detail}`;
  return isRefused ? new PermanentError(message, { cause: error }) : new TransientError(message, { cause: error });
};
