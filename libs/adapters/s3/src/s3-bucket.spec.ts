import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { PermanentError, TransientError } from '@foldline/kernel';
import { openS3Bucket, type S3Bucket } from './s3-bucket.ts';

const LISTING = '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>';

describe('the connection to S3', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
    server = undefined;
  });

  const endpointOf = async (listener: RequestListener): Promise<string> => {
    server = createServer(listener);
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const open = (endpoint: string, timeoutMs = 5_000) =>
    openS3Bucket({ endpoint, accessKey: 'key', secretKey: 'very secret', bucket: 'a-bucket', timeoutMs });
  /** Opens against a server that is well, which then does something else. */
  const opened = async (then: RequestListener, timeoutMs?: number) => {
    let well = true;
    const endpoint = await endpointOf((request, response) =>
      well ? void response.end(LISTING) : then(request, response),
    );
    const bucket = await open(endpoint, timeoutMs);
    well = false;
    return bucket;
  };

  it.each(['ftp://host', 'host:9000', 'http://key:secret@host', 'http://host/path', ''])(
    'fails permanently for the endpoint %j',
    (endpoint) => expect(open(endpoint)).rejects.toThrow(PermanentError),
  );

  it.each([500, 502, 503, 504, 429])('comes again after the answer %i', async (status) => {
    let calls = 0;
    const bucket = await opened((_, response) => {
      calls += 1;
      response.statusCode = calls === 1 ? status : 200;
      response.end();
    });
    await bucket.put('key', Buffer.from('x'));
    expect(calls).toBe(2);
    bucket.close();
  });

  it('says that trouble may pass when it lasts', async () => {
    const bucket = await opened((_, response) => {
      response.statusCode = 503;
      response.end('<Error><Code>SlowDown</Code></Error>');
    });
    await expect(bucket.head('key')).rejects.toThrow(TransientError);
    bucket.close();
  });

  it('says that trouble may pass when nobody listens', () =>
    expect(open('http://127.0.0.1:1')).rejects.toThrow(TransientError));

  it('does not wait for ever for an answer or for the rest of a body', async () => {
    const bucket = await opened((request, response) => {
      if (request.method !== 'GET') return;
      response.setHeader('content-length', '100');
      response.write('half');
    }, 100);
    await expect(bucket.head('key')).rejects.toThrow(TransientError);
    await expect(bucket.read('key')).rejects.toThrow(TransientError);
    bucket.close();
  });

  it.each<[string, (bucket: S3Bucket) => Promise<unknown>]>([
    ['a listing', (bucket) => bucket.list('logs/')],
    ['an object that was written', (bucket) => bucket.put('key', Buffer.from('x'))],
    ['an object that was not found', (bucket) => bucket.read('key')],
  ])('does not wait for ever for the end of an answer to %s', async (_of, call) => {
    const bucket = await opened((request, response) => {
      response.statusCode = request.url?.endsWith('/key') && request.method === 'GET' ? 404 : 200;
      response.setHeader('content-length', '100');
      response.write('half');
    }, 100);
    await expect(call(bucket)).rejects.toThrow(TransientError);
    bucket.close();
  });

  it.each<[string, (bucket: S3Bucket) => Promise<unknown>]>([
    ['a listing', (bucket) => bucket.list('logs/')],
    ['an object that was written', (bucket) => bucket.put('key', Buffer.from('x'))],
    ['an object', (bucket) => bucket.read('key')],
    ['an upload in parts', (bucket) => bucket.beginUpload('key')],
  ])('says that trouble may pass when the connection breaks within the answer to %s', async (_of, call) => {
    const bucket = await opened((_request, response) => {
      response.setHeader('content-length', '100');
      response.write('half', () => response.socket?.resetAndDestroy());
    });
    await expect(call(bucket)).rejects.toThrow(TransientError);
    bucket.close();
  });

  it('never takes a body that was cut off for a whole one', async () => {
    const bucket = await opened((_, response) => {
      response.setHeader('content-length', '100');
      response.write('half');
      setImmediate(() => response.destroy());
    });
    await expect(bucket.read('key')).rejects.toThrow(TransientError);
    bucket.close();
  });

  it.each(['../other', 'a//b', '/a', 'a/../b', 'a b', '', 'a\n', 'a?x=1'])(
    'makes no call for the key %j',
    async (key) => {
      const bucket = await opened(() => {
        throw new Error('a call was made');
      });
      await expect(bucket.head(key)).rejects.toThrow(PermanentError);
      bucket.close();
    },
  );
});
