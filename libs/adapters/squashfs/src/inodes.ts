import type { Place } from './metadata-writer.ts';

/** Kinds of inodes; directories and files that a basic one cannot describe have an extended one (Squashfs 4.0). */
export const KIND = { directory: 1, file: 2, link: 3, characterDevice: 5, largeDirectory: 8, largeFile: 9 } as const;
const NONE = 0xffff_ffff;
/** What a listing counts besides its bytes: the entries `.` and `..`, which are not stored. */
const DOTS = 3;
const MAX_U16 = 0xffff;

export type Common = { mode: number; mtime: number; number: number };
/** Sizes of stored blocks, and where in a fragment its end lies. */
export type FileBody = {
  size: number;
  start: number;
  blocks: readonly number[];
  fragment?: { index: number; offset: number };
};

const HEADER_BYTES = 16;

const writeHeader = (bytes: Buffer, kind: number, { mode, mtime, number }: Common): void => {
  bytes.writeUInt16LE(kind, 0);
  bytes.writeUInt16LE(mode, 2);
  // Owner and group are the first and only entry of the table of ids.
  bytes.writeUInt32LE(0, 4);
  bytes.writeUInt32LE(mtime, 8);
  bytes.writeUInt32LE(number, 12);
};

const header = (kind: number, common: Common): Buffer => {
  const bytes = Buffer.alloc(HEADER_BYTES);
  writeHeader(bytes, kind, common);
  return bytes;
};

/** One whose body is numbers only, as nearly all are. */
const basic = (kind: number, common: Common, body: readonly number[]): Buffer => {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + body.length * 4);
  writeHeader(bytes, kind, common);
  for (let at = 0; at < body.length; at += 1) bytes.writeUInt32LE(body[at]!, HEADER_BYTES + at * 4);
  return bytes;
};

const words = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [at, value] of values.entries()) bytes.writeUInt32LE(value, at * 4);
  return bytes;
};

export const fileInode = (common: Common, { size, start, blocks, fragment }: FileBody): Buffer => {
  const { index, offset } = fragment ?? { index: NONE, offset: 0 };
  if (start < NONE && size < NONE) return basic(KIND.file, common, [start, index, offset, size, ...blocks]);
  const far = Buffer.alloc(24);
  far.writeBigUInt64LE(BigInt(start), 0);
  far.writeBigUInt64LE(BigInt(size), 8);
  return Buffer.concat([header(KIND.largeFile, common), far, words(1, index, offset, NONE, ...blocks)]);
};

export const linkInode = (common: Common, target: string): Buffer => {
  const text = Buffer.from(target);
  return Buffer.concat([header(KIND.link, common), words(1, text.length), text]);
};

/** A device of number 0:0 stands for something that is not there any more (overlayfs). */
export const whiteoutInode = (common: Common): Buffer => basic(KIND.characterDevice, common, [1, 0]);

export type Listing = { bytes: number; place: Place; parent: number; directories: number };

export const directoryInode = (common: Common, { bytes, place, parent, directories }: Listing): Buffer => {
  const links = directories + 2;
  const size = bytes + DOTS;
  if (size <= MAX_U16) {
    const body = Buffer.alloc(16);
    body.writeUInt32LE(place.block, 0);
    body.writeUInt32LE(links, 4);
    body.writeUInt16LE(size, 8);
    body.writeUInt16LE(place.offset, 10);
    body.writeUInt32LE(parent, 12);
    return Buffer.concat([header(KIND.directory, common), body]);
  }
  const body = Buffer.alloc(24);
  body.writeUInt32LE(links, 0);
  body.writeUInt32LE(size, 4);
  body.writeUInt32LE(place.block, 8);
  body.writeUInt32LE(parent, 12);
  body.writeUInt16LE(0, 16);
  body.writeUInt16LE(place.offset, 18);
  body.writeUInt32LE(NONE, 20);
  return Buffer.concat([header(KIND.largeDirectory, common), body]);
};
