export type S3Head = { bytes: number; etag: string };
export type S3Listed = { key: string; bytes: number; etag: string };
/** Counts bytes from `start` up to, not including, `end`. */
export type S3Range = { start: number; end: number };
export type S3Part = { part: number; etag: string };
export type S3Source = { key: string; etag: string };

/** Without the quotes, which some servers send and some do not. */
export const etagOf = (etag: unknown): string => String(etag ?? '').replace(/^(W\/)?"?|"?$/g, '');
