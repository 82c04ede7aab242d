export { openS3LogStore, type S3LogStore } from './s3-log-store.ts';
export { type S3LogLimits, type S3LogStoreOptions } from './options.ts';
