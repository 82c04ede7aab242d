export { openS3Bucket, type S3Bucket } from './s3-bucket.ts';
export { type S3Head, type S3Listed, type S3Range } from './objects.ts';
export { type S3Body } from './body.ts';
export { deleteAll } from './delete-all.ts';
export { type S3Settings } from './settings.ts';
export { ensureExpiry, type S3Expiry } from './lifecycle.ts';
export { PART_BYTES, partsOf } from './parts.ts';
export { copyObject, uploadParts } from './upload.ts';
