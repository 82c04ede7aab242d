import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { PermanentError } from '@foldline/kernel';

export const CHUNK_BYTES = 256 * 1024;

/** Up to this size a file is read and written at once: three system calls cost less than one turn of the thread pool. */
export const SMALL_BYTES = 64 * 1024;

export const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

export const damaged = (digest: string): PermanentError =>
  new PermanentError(`the object ${digest} no longer has its digest`);

/** The bytes of a file of at most `SMALL_BYTES`; `undefined` when it is larger. Throws what the system throws. */
export const readSmall = (path: string): Buffer | undefined => {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size } = fstatSync(fd);
    if (size > SMALL_BYTES) return undefined;
    const bytes = Buffer.allocUnsafe(size);
    let length = 0;
    for (let read = -1; read !== 0 && length < size; length += read) {
      read = readSync(fd, bytes, length, size - length, length);
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(fd);
  }
};

/** The bytes of a range of an open file, in chunks; `end` is not included. */
export async function* chunksOf(file: FileHandle, start: number, end: number): AsyncGenerator<Buffer> {
  for (let position = start; position < end;) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - position));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}

/**
 * The whole of an object, checked on the way. The last chunk is held back until the digest is known to be right, so
 * that a reader of damaged bytes always sees an error and never an end.
 */
export async function* verifiedChunks(file: FileHandle, digest: string): AsyncGenerator<Buffer> {
  try {
    const hash = createHash('sha256');
    let held: Buffer | undefined;
    for await (const chunk of chunksOf(file, 0, Number.MAX_SAFE_INTEGER)) {
      hash.update(chunk);
      if (held) yield held;
      held = chunk;
    }
    if (hash.digest('hex') !== digest) throw damaged(digest);
    if (held) yield held;
  } finally {
    await file.close();
  }
}

export async function* rangeChunks(file: FileHandle, start: number, end: number): AsyncGenerator<Buffer> {
  try {
    yield* chunksOf(file, start, end);
  } finally {
    await file.close();
  }
}

/** Reads a file to its end and throws `PermanentError` unless it has the digest. */
export const verifyFile = async (path: string, digest: string): Promise<void> => {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const hash = createHash('sha256');
    for await (const chunk of chunksOf(file, 0, Number.MAX_SAFE_INTEGER)) hash.update(chunk);
    if (hash.digest('hex') !== digest) throw damaged(digest);
  } finally {
    await file.close();
  }
};
