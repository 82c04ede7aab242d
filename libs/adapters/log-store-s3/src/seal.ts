import { createHash } from 'node:crypto';
import { PermanentError } from '@foldline/kernel';
import type { LogKeys } from './log-keys.ts';

/** A piece of a log in the bucket: the bytes from `offset` on, which lie in their object from `at` on, or fill it. */
export type Segment = { key: string; offset: number; bytes: number; etag: string; at?: number };

export type Claim = { bytes: number; sha256: string };

/** What a sealed log is, once and for all: written last, only if no other is there. */
export type Seal = Claim & { segments: Segment[] };

const NEWLINE = '\n';

export const claimOf = (content: Buffer): Claim => ({
  bytes: content.length,
  sha256: createHash('sha256').update(content).digest('hex'),
});

/** A seal that names the objects the log lies in. */
export const serializeSeal = ({ bytes, sha256, segments }: Seal): Buffer =>
  Buffer.from(JSON.stringify({ bytes, sha256, segments }));

/** A seal with the log within: the first line is the claim, what follows is the log. */
export const serializeInline = (content: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${JSON.stringify(claimOf(content))}${NEWLINE}`), content]);

/** Either kind; a seal that names objects has no end of line in it. */
export const parseSeal = (object: { bytes: Buffer; etag: string }, keys: LogKeys): Seal => {
  const line = object.bytes.indexOf(NEWLINE);
  if (line === -1) return parseNaming(object.bytes, keys.folder);
  const claim = jsonOf(object.bytes.subarray(0, line)) as Partial<Claim> | null;
  const at = line + NEWLINE.length;
  const found = claimOf(object.bytes.subarray(at));
  if (claim?.bytes !== found.bytes || claim.sha256 !== found.sha256) throw damaged();
  const { etag } = object;
  return { ...found, segments: found.bytes === 0 ? [] : [{ key: keys.seal, offset: 0, bytes: found.bytes, etag, at }] };
};

const parseNaming = (text: Buffer, folder: string): Seal => {
  const seal = jsonOf(text) as Partial<Seal> | undefined;
  let end = 0;
  for (const segment of Array.isArray(seal?.segments) ? seal.segments : []) {
    if (!isSegment(segment, folder) || segment.offset !== end) throw damaged();
    end += segment.bytes;
  }
  if (!seal || seal.bytes !== end || typeof seal.sha256 !== 'string') throw damaged();
  return { bytes: end, sha256: seal.sha256, segments: seal.segments ?? [] };
};

export const isSameClaim = (one: Claim, other: Claim): boolean =>
  one.bytes === other.bytes && one.sha256 === other.sha256;

const damaged = (): PermanentError => new PermanentError('the seal of a log is damaged');

const isSegment = (segment: Partial<Segment> | null, folder: string): segment is Segment =>
  typeof segment?.key === 'string' &&
  segment.key.startsWith(folder) &&
  Number.isSafeInteger(segment.offset) &&
  Number.isSafeInteger(segment.bytes) &&
  typeof segment.etag === 'string';

const jsonOf = (text: Buffer): unknown => {
  try {
    return JSON.parse(text.toString());
  } catch {
    throw damaged();
  }
};
