import { AccessDenied, PermanentError, TransientError } from '@foldline/kernel';

/** What no waiting mends: the broker will not take this message, or this client, ever. */
const FOR_GOOD = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_CONFIG',
  'INVALID_REPLICATION_FACTOR',
  'POLICY_VIOLATION',
]);

/** The broker's own words for "not you", and the client's name for what ends its attempt to say who we are. */
const DENIALS = new Set([
  'CLUSTER_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'ILLEGAL_SASL_STATE',
  'KafkaJSSASLAuthenticationError',
  'SASL_AUTHENTICATION_FAILED',
  'TOPIC_AUTHORIZATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
]);

/** A failure of the client in the words of this system; everything that may pass is `TransientError`. */
export const brokenKafka = (error: unknown): Error => {
  if (error instanceof PermanentError || error instanceof TransientError) return error;
  const message = `Kafka: ${error instanceof Error ? error.message : String(error)}`;
  if (isDenial(error)) return new AccessDenied(message, { cause: error });
  const type = wordOf(error, 'type');
  if (FOR_GOOD.has(type)) return new PermanentError(message, { cause: error });
  return new TransientError(message, { cause: error });
};

/** The client wraps what it gives up on. */
const isDenial = (error: unknown): boolean =>
  DENIALS.has(wordOf(error, 'name')) ||
  DENIALS.has(wordOf(error, 'type')) ||
  (typeof error === 'object' && error !== null && 'cause' in error && isDenial(error.cause));

const wordOf = (error: unknown, property: 'name' | 'type'): string =>
  typeof error === 'object' && error !== null && property in error
    ? String((error as Record<string, unknown>)[property])
    : '';

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
