import type http from 'node:http';
import { Client } from 'minio';
import { PermanentError } from '@foldline/kernel';
import { bodyOf, emptyBody, type S3Body } from './body.ts';
import { etagOf, type S3Head, type S3Listed, type S3Part, type S3Range, type S3Source } from './objects.ts';
import { withRetries } from './retries.ts';
import { fromS3Error, isAbsent, s3Code } from './s3-errors.ts';
import { addressOf, type S3Settings } from './settings.ts';
import { agentOf, transportOf } from './transport.ts';

const TIMEOUT_MS = 60_000;
/** The server may have to copy gigabytes before it answers. */
const SLOW_CALLS = 10;
const MAX_SOCKETS = 64;
const KEY = /^[0-9A-Za-z][0-9A-Za-z._-]*(\/[0-9A-Za-z][0-9A-Za-z._-]*)*$/;

type Headers = Record<string, string>;

/** Connects and makes sure that the bucket is there. */
export const openS3Bucket = async (settings: S3Settings): Promise<S3Bucket> => {
  const bucket = new S3Bucket(settings);
  try {
    await bucket.open();
    return bucket;
  } catch (error) {
    bucket.close();
    throw error;
  }
};

/** The calls of the protocol that the stores need, each with a time limit, retried when the trouble may pass. */
export class S3Bucket {
  readonly client: Client;
  private readonly slowClient: Client;
  private readonly agent: http.Agent;
  private readonly timeoutMs: number;

  constructor(private readonly settings: S3Settings) {
    const { host, port, secure } = addressOf(settings);
    this.timeoutMs = settings.timeoutMs ?? TIMEOUT_MS;
    this.agent = agentOf(secure, MAX_SOCKETS, settings.certificateAuthority);
    const clientWith = (timeoutMs: number): Client =>
      new Client({
        endPoint: host,
        port,
        useSSL: secure,
        accessKey: settings.accessKey,
        secretKey: settings.secretKey,
        region: settings.region ?? 'us-east-1',
        pathStyle: settings.pathStyle ?? true,
        transport: transportOf(secure, timeoutMs),
        transportAgent: this.agent,
        retryOptions: { disableRetry: true },
      });
    this.client = clientWith(this.timeoutMs);
    this.slowClient = clientWith(this.timeoutMs * SLOW_CALLS);
  }

  get name(): string {
    return this.settings.bucket;
  }

  async open(): Promise<void> {
    if (await this.call(`look into the bucket ${this.name}`, () => this.isThere())) return;
    if (this.settings.createBucket === false) {
      throw new PermanentError(`S3: there is no bucket ${this.name}: make it, or allow that it is made`);
    }
    await this.call(`make the bucket ${this.name}`, () => this.makeBucket());
  }

  /** Ends idle connections; calls in flight fail. */
  close(): void {
    this.agent.destroy();
  }

  /** Stores an object in one piece; answers false when `ifAbsent` was asked for and something is there. */
  async put(key: string, body: Buffer, options: { ifAbsent?: boolean } = {}): Promise<boolean> {
    const headers: Headers = { 'content-type': 'application/octet-stream' };
    if (options.ifAbsent) headers['if-none-match'] = '*';
    return this.call('store an object', async () => {
      try {
        await this.client.makeRequestAsyncOmit({ ...this.at('PUT', key), headers }, body);
        return true;
      } catch (error) {
        if (options.ifAbsent && s3Code(error) === 'PreconditionFailed') return false;
        throw error;
      }
    });
  }

  async head(key: string): Promise<S3Head | undefined> {
    return this.call('look at an object', async () => {
      try {
        const { headers } = await this.client.makeRequestAsyncOmit(this.at('HEAD', key));
        return { bytes: Number(headers['content-length']), etag: etagOf(headers.etag) };
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
      }
    });
  }

  /** The object, or a range of it that is not empty, as it comes. A range behind the end is an empty body. */
  async get(key: string, range?: S3Range): Promise<S3Body | undefined> {
    const headers: Headers = range ? { range: `bytes=${range.start}-${range.end - 1}` } : {};
    return this.call('read an object', async () => {
      try {
        const response = await this.client.makeRequestAsync({ ...this.at('GET', key), headers }, '', [200, 206]);
        return bodyOf(response, etagOf(response.headers.etag), this.timeoutMs);
      } catch (error) {
        if (isAbsent(error)) return undefined;
        if (s3Code(error) === 'InvalidRange') return emptyBody();
        throw error;
      }
    });
  }

  /** As `get`, in one piece; for small ones. */
  async read(key: string, range?: S3Range): Promise<{ bytes: Buffer; etag: string } | undefined> {
    return this.call('read an object', async () => {
      const body = await this.get(key, range);
      if (!body) return undefined;
      const chunks: Buffer[] = [];
      for await (const chunk of body.chunks) chunks.push(chunk);
      return { bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), etag: body.etag };
    });
  }

  async delete(key: string): Promise<void> {
    await this.call('delete an object', async () => {
      try {
        await this.client.makeRequestAsyncOmit(this.at('DELETE', key), '', [200, 204]);
      } catch (error) {
        if (!isAbsent(error)) throw error;
      }
    });
  }

  /** Every object below a prefix, in the order of keys, from the one after `after` on. */
  async list(prefix: string, after = ''): Promise<S3Listed[]> {
    const found: S3Listed[] = [];
    for (let token = '', more = true; more;) {
      const page = await this.call('list objects', () =>
        this.client.listObjectsV2Query(this.name, prefix, token, '', 1000, token === '' ? after : ''),
      );
      for (const { name, size, etag } of page.objects) {
        if (name !== undefined) found.push({ key: name, bytes: Number(size), etag: etagOf(etag) });
      }
      token = page.nextContinuationToken;
      more = page.isTruncated && token !== '';
    }
    return found;
  }

  /** A copy that the server makes by itself, of exactly the bytes that have the etag. At most 5 GiB. */
  async copy(from: string, to: string, etag: string): Promise<void> {
    await this.call('copy an object', () =>
      this.slowClient.makeRequestAsyncOmit({ ...this.at('PUT', to), headers: this.sourceHeaders(from, etag) }),
    );
  }

  async beginUpload(key: string): Promise<string> {
    const { objectName } = this.at('POST', key);
    return this.call('begin an upload', () => this.client.initiateNewMultipartUpload(this.name, objectName, {}));
  }

  async uploadPart(key: string, uploadId: string, part: number, body: Buffer): Promise<S3Part> {
    const target = { bucketName: this.name, objectName: key, uploadID: uploadId, partNumber: part, headers: {} };
    return this.call('upload a part', async () => {
      const query = `uploadId=${encodeURIComponent(uploadId)}&partNumber=${target.partNumber}`;
      const { headers } = await this.client.makeRequestAsyncOmit({ ...this.at('PUT', key), query, headers: {} }, body);
      return { part, etag: etagOf(headers.etag) };
    });
  }

  /** A part that the server takes from another object by itself. */
  async copyPart(key: string, uploadId: string, part: number, from: S3Range & S3Source): Promise<S3Part> {
    const headers = {
      ...this.sourceHeaders(from.key, from.etag),
      'x-amz-copy-source-range': `bytes=${from.start}-${from.end - 1}`,
    };
    const target = { bucketName: this.name, objectName: key, uploadID: uploadId, partNumber: part, headers };
    return this.call('copy a part', async () => ({
      part,
      etag: (await this.slowClient.uploadPart(target, '')).etag,
    }));
  }

  /** Not retried: whether it has happened is for the caller to look. */
  async completeUpload(key: string, uploadId: string, parts: readonly S3Part[]): Promise<void> {
    try {
      await this.slowClient.completeMultipartUpload(this.name, key, uploadId, [...parts]);
    } catch (error) {
      throw fromS3Error(error, 'complete an upload');
    }
  }

  async abortUpload(key: string, uploadId: string): Promise<void> {
    await this.call('abort an upload', async () => {
      try {
        await this.client.abortMultipartUpload(this.name, key, uploadId);
      } catch (error) {
        if (s3Code(error) !== 'NoSuchUpload') throw error;
      }
    });
  }

  async call<T>(doing: string, attempt: () => Promise<T>): Promise<T> {
    return withRetries(async () => {
      try {
        return await attempt();
      } catch (error) {
        throw fromS3Error(error, doing);
      }
    });
  }

  /** By a listing: an answer to HEAD has no body, and so could not tell a wrong secret from a missing right. */
  private async isThere(): Promise<boolean> {
    try {
      await this.client.listObjectsV2Query(this.name, '', '', '', 1, '');
      return true;
    } catch (error) {
      if (s3Code(error) === 'NoSuchBucket') return false;
      throw error;
    }
  }

  private async makeBucket(): Promise<void> {
    try {
      await this.client.makeBucket(this.name, this.settings.region ?? '');
    } catch (error) {
      if (s3Code(error) !== 'BucketAlreadyOwnedByYou') throw error;
    }
  }

  private sourceHeaders(key: string, etag: string): Headers {
    const { objectName } = this.at('GET', key);
    return { 'x-amz-copy-source': `/${this.name}/${objectName}`, 'x-amz-copy-source-if-match': etag };
  }

  /** Keys are made by the stores from digests, checked ids and numbers; whatever looks otherwise is a mistake here. */
  private at(method: string, key: string): { method: string; bucketName: string; objectName: string } {
    if (!KEY.test(key)) throw new PermanentError('S3: not a key of this system');
    return { method, bucketName: this.name, objectName: key };
  }
}
