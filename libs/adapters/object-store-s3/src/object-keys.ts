import { randomBytes } from 'node:crypto';

const DIGEST = /^[0-9a-f]{64}$/;
const PREFIX = /^([a-z0-9-]+\/)?$/;

/** No key is ever made from a text that is not a digest. */
export const isDigest = (text: string): boolean => DIGEST.test(text);
export const isPrefix = (text: string): boolean => PREFIX.test(text);

export const blobsPrefix = (prefix: string): string => `${prefix}blobs/`;
export const blobKey = (prefix: string, digest: string): string =>
  `${blobsPrefix(prefix)}${digest.slice(0, 2)}/${digest}`;

/** Where bytes lie until their digest is known; nothing here outlives a day. */
export const uploadsPrefix = (prefix: string): string => `${prefix}uploads/`;
export const uploadKey = (prefix: string): string => `${uploadsPrefix(prefix)}${randomBytes(16).toString('hex')}`;
