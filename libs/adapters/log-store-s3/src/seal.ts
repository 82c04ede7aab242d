import { PermanentError } from '@foldline/kernel';

/** A piece of a log in the bucket: the bytes from `offset` on. */
export type Segment = { key: string; offset: number; bytes: number; etag: string };

export type Claim = { bytes: number; sha256: string };

/** What a sealed log is, once and for all: written last, only if no other is there. */
export type Seal = Claim & { segments: Segment[] };

export const serializeSeal = ({ bytes, sha256, segments }: Seal): Buffer =>
  Buffer.from(JSON.stringify({ bytes, sha256, segments }));

export const parseSeal = (text: Buffer, folder: string): Seal => {
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
