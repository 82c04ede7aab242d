import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { ensureExpiry } from './lifecycle.ts';
import { openS3Bucket } from './s3-bucket.ts';

const LISTING = '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>';
const WANTED = [{ id: 'mine', prefix: 'uploads/', days: 1, objectsToo: true }];

/** Whether the rules are there, on a server that answers so whoever asks for them. */
const askedOf = async (status: number, code: string): Promise<boolean> => {
  const server = createServer((request, response) => {
    request.resume();
    if (!request.url?.includes('lifecycle')) return void response.end(LISTING);
    response.writeHead(status).end(`<Error><Code>${code}</Code></Error>`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const bucket = await openS3Bucket({ endpoint, accessKey: 'key', secretKey: 'very secret', bucket: 'a-bucket' });
  try {
    return await ensureExpiry(bucket, WANTED);
  } finally {
    bucket.close();
    server.closeAllConnections();
    server.close();
  }
};

describe('rules that clear away what crashes leave behind', () => {
  it.each([
    [403, 'AccessDenied'],
    [501, 'NotImplemented'],
    [405, 'MethodNotAllowed'],
  ])('are done without where the server answers %i %s', async (status, code) => {
    expect(await askedOf(status, code)).toBe(false);
  });

  it('are not done without for any other reason', async () => {
    await expect(askedOf(400, 'MalformedXML')).rejects.toThrow(/set the lifecycle|read the lifecycle/);
  });
});
