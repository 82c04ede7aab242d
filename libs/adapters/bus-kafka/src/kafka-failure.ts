import { PermanentError, TransientError } from '@foldline/kernel';

/** What no waiting mends: the broker will not take this message, or this client, ever. */
const FOR_GOOD = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_CONFIG',
  'INVALID_REPLICATION_FACTOR',
  'POLICY_VIOLATION',
]);

/** A failure of the client in the words of this system; everything that may pass is `TransientError`. */
export const brokenKafka = (error: unknown): Error => {
  if (error instanceof PermanentError || error instanceof TransientError) return error;
  const type = typeof error === 'object' && error !== null && 'type' in error ? String(error.type) : '';
  const message = `Kafka: ${error instanceof Error ? error.message : String(error)}`;
  if (FOR_GOOD.has(type)) return new PermanentError(message, { cause: error });
  return new TransientError(message, { cause: error });
};

const LONGEST_FAREWELL_MS = 10_000;

/**
 * Ends a client. One that has lost its broker may wait for answers that never come; it is left to itself after a while,
 * for whatever it could still have done is done again. Gives back what went wrong.
 */
export const endClient = async (end: () => Promise<void>): Promise<Error | undefined> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the client did not end in time')), LONGEST_FAREWELL_MS);
  });
  try {
    await Promise.race([end(), late]);
    return undefined;
  } catch (error) {
    return brokenKafka(error);
  } finally {
    clearTimeout(timer);
  }
};
