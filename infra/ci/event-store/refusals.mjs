import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { Metadata, status } = require('@grpc/grpc-js');

/** An error as EventStoreDB says it: the kind of it in the trailer `exception`. */
const refusal = (code, message, trailers) => {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(trailers)) metadata.set(key, value);
  return Object.assign(new Error(message), { code, details: message, metadata });
};

export const tooLarge = (maximum) =>
  refusal(status.INVALID_ARGUMENT, `Maximum Append Size of ${maximum} Exceeded.`, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': String(maximum),
  });

export const accessDenied = () => refusal(status.PERMISSION_DENIED, 'Access Denied', { exception: 'access-denied' });

export const unauthenticated = () => refusal(status.UNAUTHENTICATED, 'Unauthenticated', {});

export const missingProperty = () =>
  refusal(status.INVALID_ARGUMENT, 'Required Metadata Property is Missing', {
    exception: 'missing-required-metadata-property',
    'required-metadata-properties': 'type,content-type',
  });

export const invalid = (message) => refusal(status.INVALID_ARGUMENT, message, {});

export const unimplemented = (what) => refusal(status.UNIMPLEMENTED, `${what} is not served here`, {});

/** What went wrong inside: said in the answer and on standard error. */
export const internal = (error) => {
  process.stderr.write(`${error.stack ?? error}\n`);
  return refusal(status.UNKNOWN, 'Exception was thrown by handler.', {});
};
