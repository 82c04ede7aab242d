import type { IncomingMessage } from 'node:http';
import type { Clock } from '@foldline/kernel';

const HEARD_BYTES = 64 * 1024 * 1024;
const HEARD_MS = 5000;

/** True while the client may still be sending a body that nobody has read. */
export const isUnread = ({ complete, destroyed, headers }: IncomingMessage): boolean =>
  !complete && !destroyed && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0);

/**
 * Reads the rest of a body that was refused, and forgets it: a client that sends before it reads would find the
 * connection broken instead of an answer. Ends with the body, or when it is far too large or too slow.
 */
export const hearOut = async (request: IncomingMessage, clock: Clock): Promise<void> => {
  const heard = new AbortController();
  let bytes = 0;
  const count = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > HEARD_BYTES) end();
  };
  const end = (): void => heard.abort();
  request.on('data', count).on('end', end).on('close', end).on('error', end);
  await clock.sleep(HEARD_MS, heard.signal);
  request.off('data', count).off('end', end).off('close', end);
};
