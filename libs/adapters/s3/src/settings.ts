import { PermanentError } from '@foldline/kernel';

/** How to reach one bucket of an S3 server: MinIO, Ceph, AWS or any other that speaks the protocol. */
export type S3Settings = {
  /** `http://host:9000` or `https://host`; no path, no credentials. */
  endpoint: string;
  accessKey: string;
  secretKey: string;
  bucket: string;
  /** `us-east-1` unless told. */
  region?: string;
  /** Whether a bucket that is not there is made; true unless told. */
  createBucket?: boolean;
  /** `host/bucket/key` (true, what own servers expect) or `bucket.host/key`. */
  pathStyle?: boolean;
  /** PEM of the authority that signed the server's certificate, where that is none of the well-known ones. */
  certificateAuthority?: string;
  /** How long one call may take until its answer begins, and how long a body may stand still, in milliseconds. */
  timeoutMs?: number;
};

export type S3Address = { host: string; port: number; secure: boolean };

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

export const addressOf = (settings: S3Settings): S3Address => {
  const url = URL.canParse(settings.endpoint) ? new URL(settings.endpoint) : undefined;
  const plain = url && url.pathname === '/' && !url.username && !url.password && !url.search && !url.hash;
  if (!plain || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new PermanentError('the S3 endpoint must be a URL like https://host:9000, without path and credentials');
  }
  if (!BUCKET.test(settings.bucket) || settings.bucket.includes('..')) {
    throw new PermanentError(
      `${JSON.stringify(settings.bucket)} is no name of a bucket: 3 to 63 of a-z, 0-9, dot and dash`,
    );
  }
  if (settings.accessKey === '' || settings.secretKey === '') {
    throw new PermanentError('access to S3 needs an access key and a secret key');
  }
  const secure = url.protocol === 'https:';
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || (secure ? 443 : 80), secure };
};
