import type { Readable } from 'node:stream';

export type StoredObject = { digest: string; bytes: number };

/**
 * Bytes by content: an object's name is the SHA-256 of what it holds (64 hex digits).
 *
 * - `put` is atomic: an object is either complete under its digest or not there. Putting the same bytes twice is one object.
 * - `get` fails with `PermanentError` when the bytes no longer have their digest, and never hands out wrong bytes as a success.
 * - `shared` says of a file of this host that nobody changes it any more, so that it need be no copy but the same file.
 * - `maxBytes` refuses a larger stream with a `Refusal` of code `object_too_large` and leaves nothing behind.
 */
export interface ObjectStore {
  put(content: Readable | Buffer, options?: { maxBytes?: number }): Promise<StoredObject>;
  /** Keeps a file of this host as an object; the file itself stays as it is. */
  putFile(path: string, options?: { shared?: boolean }): Promise<StoredObject>;
  /** The object as a stream; `undefined` when there is none. */
  get(digest: string, range?: { start: number; end: number }): Promise<Readable | undefined>;
  /** The object as a whole; for small ones. */
  read(digest: string): Promise<Buffer | undefined>;
  /** Writes the object to a new file of this host, which must not exist, with this mode. */
  copyToFile(digest: string, path: string, mode: number, options?: { shared?: boolean }): Promise<void>;
  stat(digest: string): Promise<StoredObject | undefined>;
  delete(digest: string): Promise<void>;
}
