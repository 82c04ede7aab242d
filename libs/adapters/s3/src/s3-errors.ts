import { AccessDenied, PermanentError, Refusal, TransientError, systemCode } from '@foldline/kernel';

/** Answers of the server, or of the network, after which the same call may succeed. */
const PASSING = new Set([
  'CERT_HAS_EXPIRED',
  'ConditionalRequestConflict',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'EMFILE',
  'ENETDOWN',
  'ENETUNREACH',
  'ENFILE',
  'ENOTFOUND',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ETIMEDOUT',
  'IncompleteBody',
  'InternalError',
  'NoSuchUpload',
  'OperationAborted',
  'RequestTimeout',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'ServiceUnavailable',
  'SlowDown',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'XAmzContentSHA256Mismatch',
]);

/** Answers to "who are you"; whoever changes keys or rights makes the same call succeed. */
const DENIALS = new Set(['AccessDenied', 'InvalidAccessKeyId', 'SignatureDoesNotMatch']);

const WAY_OUT: Readonly<Record<string, string>> = {
  AccessDenied: 'the key is known but has no right to do this: give it read, write, list and delete on the bucket',
  AuthorizationHeaderMalformed: 'the bucket lies in another region: set the region',
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the server's certificate is signed by itself: give it as certificate authority",
  EPROTO: 'the server does not speak TLS there: is the endpoint http:// rather than https://?',
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for another host name",
  InvalidAccessKeyId: 'the server does not know the access key',
  MovedPermanently: 'the bucket lies in another region: set the region and its endpoint',
  NoSuchBucket: 'the bucket is not there: make it, or allow that it is made',
  RequestTimeTooSkewed: "this host's clock and the server's are too far apart",
  SELF_SIGNED_CERT_IN_CHAIN:
    "the server's certificate is signed by an own authority: give that as certificate authority",
  SignatureDoesNotMatch: 'the secret key does not belong to the access key, or a proxy changes the host name',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the authority of the server's certificate is not known: give it",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the authority of the server's certificate is not known: give it",
};

/** The server's own code (`NoSuchKey`, `SlowDown`) or the operating system's (`ECONNREFUSED`). */
export const s3Code = (error: unknown): string | undefined => {
  const code = systemCode(error);
  return code === undefined || code === '' ? undefined : code;
};

export const isAbsent = (error: unknown): boolean => {
  const code = s3Code(error);
  return code === 'NoSuchKey' || code === 'NotFound' || code === 'NoSuchObject';
};

const isOurs = (error: unknown): error is Error =>
  error instanceof TransientError || error instanceof PermanentError || error instanceof Refusal;

/** An error of server or network in the words of this system. `doing` completes "could not …" and names no secret. */
export const fromS3Error = (error: unknown, doing: string): Error => {
  if (isOurs(error)) return error;
  const code = s3Code(error);
  const hint = code === undefined ? undefined : WAY_OUT[code];
  const message = `S3: could not ${doing}${code === undefined ? '' : ` (${code})`}${hint ? `: ${hint}` : ''}`;
  if (code !== undefined && DENIALS.has(code)) return new AccessDenied(message, { cause: error });
  return code !== undefined && PASSING.has(code)
    ? new TransientError(message, { cause: error })
    : new PermanentError(message, { cause: error });
};
