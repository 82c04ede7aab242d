import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TransientError, type ObjectStore } from '@foldline/kernel';
import { openS3Bucket, type S3Bucket } from '@foldline/s3';
import { openS3ObjectStore } from './s3-object-store.ts';

const content = randomBytes(1024 * 1024);
const digest = createHash('sha256').update(content).digest('hex');
const LISTING = '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>';
const LIFECYCLE = '<Error><Code>NotImplemented</Code></Error>';

/** A server that breaks every connection in the middle of an object. */
const breaking: RequestListener = (request, response) => {
  request.resume();
  if (request.url?.includes('lifecycle')) return void response.writeHead(501).end(LIFECYCLE);
  if (request.url?.includes('list-type')) return void response.end(LISTING);
  response.setHeader('content-length', String(content.length));
  response.setHeader('etag', '"one"');
  if (request.method === 'HEAD') return void response.end();
  response.write(content.subarray(0, content.length / 2), () => setImmediate(() => response.socket?.resetAndDestroy()));
};

describe('an object store whose server dies while an object is read', () => {
  let server: Server;
  let bucket: S3Bucket;
  let store: ObjectStore;
  let directory: string;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-broken-s3-'));
    server = createServer(breaking);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    bucket = await openS3Bucket({ endpoint, accessKey: 'key', secretKey: 'very secret', bucket: 'a-bucket' });
    store = await openS3ObjectStore({ bucket });
  });
  afterEach(() => {
    bucket.close();
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['as a whole', () => store.read(digest)],
    ['as a stream', async () => (await store.get(digest))!.toArray()],
    ['in part', async () => (await store.get(digest, { start: 0, end: 10 }))!.toArray()],
    ['into a file', () => store.copyToFile(digest, join(directory, 'copy'), 0o600)],
  ])('says to whoever reads it %s that this may pass', async (_how, read) => {
    await expect(read()).rejects.toThrow(TransientError);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('breaks nothing for those who have a stream and do not read it', async () => {
    const stream = (await store.get(digest))!;
    server.closeAllConnections();
    while ((await new Promise<number>((resolve) => server.getConnections((_none, n) => resolve(n)))) > 0) await turn();
    await expect(stream.toArray()).rejects.toThrow(TransientError);
  });
});
