import { randomBytes } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Refusal, TransientError } from '@foldline/kernel';
import { openS3Bucket, type S3Bucket } from '@foldline/s3';
import { markOf } from './key-mark.ts';
import { requireInstanceKey } from './require-instance-key.ts';

const LISTING = '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>';

describe('the key of an instance whose S3 has trouble', () => {
  let server: Server;
  let bucket: S3Bucket;

  afterEach(() => {
    bucket.close();
    server.closeAllConnections();
    server.close();
  });

  /** A bucket that is there, of a server that answers so to all else. */
  const opened = async (answer: RequestListener): Promise<S3Bucket> => {
    server = createServer((request, response) =>
      request.url?.includes('list-type') ? void response.end(LISTING) : answer(request, response),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    bucket = await openS3Bucket({ endpoint, accessKey: 'key', secretKey: 'very secret', bucket: 'a-bucket' });
    return bucket;
  };
  const required = (answer: RequestListener, key = randomBytes(32)): Promise<void> =>
    opened(answer).then((there) => requireInstanceKey(there, key));

  it('is asked for again later when S3 does not answer, and is no wrong key', async () => {
    const asked = required((_request, response) => {
      response.writeHead(503).end('<Error><Code>SlowDown</Code></Error>');
    });
    await expect(asked).rejects.toBeInstanceOf(TransientError);
  });

  it('is not taken for damaged when the answer breaks off', async () => {
    const asked = required((_request, response) => {
      response.writeHead(206, { 'content-length': '150' }).write('{"sealed":');
      setImmediate(() => response.destroy());
    });
    await expect(asked).rejects.toBeInstanceOf(TransientError);
  });

  it.each([
    ['its own, which an earlier try has written whose answer was lost,', true],
    ['another, which somebody else was first to write,', false],
  ])('is known by what is there when S3 says that it is not the first: %s', async (_whose, isOwn) => {
    const key = randomBytes(32);
    let mark: Buffer | undefined;
    const asked = required((request, response) => {
      if (request.method === 'GET')
        return void (mark ? response.end(mark) : response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>'));
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        mark = isOwn ? Buffer.concat(parts) : markOf(randomBytes(32));
        response.writeHead(412).end('<Error><Code>PreconditionFailed</Code></Error>');
      });
    }, key);
    if (isOwn) await asked;
    else await expect(asked).rejects.toBeInstanceOf(Refusal);
  });
});
