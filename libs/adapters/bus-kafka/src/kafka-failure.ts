import { KafkaJSError } from 'kafkajs';
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
  if (error instanceof KafkaJSError || error instanceof Error) return new TransientError(message, { cause: error });
  return new PermanentError(message, { cause: error });
};
