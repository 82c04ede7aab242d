import type { IncomingMessage } from 'node:http';
import type { Clock } from '@foldline/kernel';

const HEARD_BYTES = 64 * 1024 * 1024;
const HEARD_MS = 5000;

/** True while the client may still be sending a body that nobody has read. */
export const isUnread = ({ complete, destroyed, headers }: IncomingMessage): boolean =>
  !complete && !destroyed && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0);

/**
 * Goes on reading a body that is already answered, and forgets it: a client that sends before it reads would find the
 * connection broken instead of the answer. One that is far too large or too slow finds it broken all the same.
 */
export const hearOut = async (request: IncomingMessage, clock: Clock): Promise<void> => {
  const heard = new AbortController();
  let bytes = 0;
  const end = (): void => heard.abort();
  const count = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > HEARD_BYTES) end();
  };
  request.on('data', count).on('end', end).on('error', end);
  // Behind its answer a request is not told any more that its connection has gone.
  request.socket.on('close', end);
  await clock.sleep(HEARD_MS, heard.signal);
  request.socket.off('close', end);
  if (!request.complete) request.socket.destroy();
};
