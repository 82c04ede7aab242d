import type http from 'node:http';
import { TransientError } from '@foldline/kernel';
import { fromS3Error } from './s3-errors.ts';

/** What the server sends: how much it says there is, and the bytes. Whoever does not read to the end closes it. */
export type S3Body = { bytes: number; etag: string; chunks: AsyncGenerator<Buffer>; close(): void };

export const bodyOf = (response: http.IncomingMessage, etag: string, timeoutMs: number): S3Body => {
  const bytes = Number(response.headers['content-length']);
  return { bytes, etag, chunks: chunksOf(response, bytes, timeoutMs), close: () => void response.destroy() };
};

export const emptyBody = (): S3Body => ({ bytes: 0, etag: '', chunks: nothing(), close: () => undefined });

async function* nothing(): AsyncGenerator<Buffer> {}

/** Time counts only while somebody waits for bytes: a slow reader is no slow server. */
async function* chunksOf(response: http.IncomingMessage, bytes: number, timeoutMs: number): AsyncGenerator<Buffer> {
  const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let seen = 0;
  try {
    for (;;) {
      const limit = setTimeout(() => response.destroy(new TransientError('S3: a body stands still')), timeoutMs);
      const next = await chunks.next().finally(() => clearTimeout(limit));
      if (next.done) break;
      seen += next.value.length;
      yield next.value;
    }
  } catch (error) {
    throw fromS3Error(error, 'read an object');
  } finally {
    response.destroy();
  }
  if (seen !== bytes) throw new TransientError(`S3: a body of ${bytes} bytes ended after ${seen}`);
}
