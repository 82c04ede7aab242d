import { closeSync, fstatSync, fsyncSync, openSync, writeSync } from 'node:fs';

const CHUNK = Buffer.alloc(1024 * 1024);

/**
 * Lengthens a WAL with zeros. A sync of a file that has grown must also write its new length, which makes an append
 * half as slow again; one of bytes written over others need not. SQLite takes zeros for the end of a WAL, because a
 * frame counts only with the header's salt and a right checksum (https://www.sqlite.org/fileformat2.html, section 4).
 */
export const lengthenFile = (path: string, bytes: number): void => {
  const descriptor = openSync(path, 'r+');
  try {
    let { size } = fstatSync(descriptor);
    if (size >= bytes) return;
    while (size < bytes) size += writeSync(descriptor, CHUNK, 0, Math.min(CHUNK.length, bytes - size), size);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
};
