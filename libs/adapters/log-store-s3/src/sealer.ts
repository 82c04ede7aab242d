import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { PermanentError, TransientError, type Signals } from '@foldline/kernel';
import { PART_BYTES, deleteAll, partsOf, uploadParts, type S3Bucket } from '@foldline/s3';
import { hint, tailTopic, WRITERS_TOPIC } from './hints.ts';
import type { LocalLog } from './local-log.ts';
import type { S3LogLimits } from './options.ts';
import { StaleView, viewOf, type RemoteLogs, type RemoteView } from './remote-logs.ts';
import { claimOf, isSameClaim, serializeInline, serializeSeal, type Claim, type Seal, type Segment } from './seal.ts';

const DIGEST = /^[0-9a-f]{64}$/;
const LOOK_MS = 100;
const MAX_MISSING = 4_096;
/** So often it is looked whether the writer of a short log has sealed it, before anything else is asked of the bucket. */
const SEAL_LOOKS = 2;

/** Closes logs: what is in the bucket is checked against the claim, brought into one object and named by the seal. */
export class Sealer {
  /** Logs whose last bytes have not arrived, with their length and since when it has been that. */
  private readonly missing = new Map<string, { end: number; since: number }>();

  constructor(
    private readonly remote: RemoteLogs,
    private readonly signals: Signals,
    private readonly limits: S3LogLimits,
  ) {}

  async seal(attemptId: string, claim: Claim, local: LocalLog | undefined): Promise<void> {
    if (!DIGEST.test(claim.sha256)) throw new PermanentError('the claimed digest of a log is none');
    try {
      await this.sealOnce(attemptId, claim, local);
    } catch (error) {
      if (!(error instanceof StaleView)) throw error;
      // Another host has sealed and compacted it meanwhile: its seal decides.
      await this.sealOnce(attemptId, claim, local);
    }
    this.missing.delete(attemptId);
  }

  /**
   * Seals a short log of which this process has written every byte: with one object, and no look at the bucket. Answers
   * false when it is not that short, and leaves it to `seal`. Fails permanently when it is sealed with something else.
   */
  async sealWritten(attemptId: string, claim: Claim, local: LocalLog): Promise<boolean> {
    if (claim.bytes > this.limits.inlineBytes || !local.isWhole) return false;
    await local.uploader.rest();
    const content = local.failure ? undefined : local.spool.read(0, local.spool.end);
    if (!content || !isSameClaim(claimOf(content), claim)) return false;
    if (!(await this.write(attemptId, serializeInline(content), claim))) return true;
    hint(this.signals, tailTopic(attemptId), { kind: 'sealed' });
    await this.tidy(local.uploader.keys);
    return true;
  }

  private async sealOnce(attemptId: string, claim: Claim, local: LocalLog | undefined): Promise<void> {
    if (local) await this.upload(local, claim);
    const view = local ? await this.remote.view(attemptId) : await this.arrived(attemptId, claim.bytes);
    if (view.seal) return this.compare(view.seal, claim);
    if (view.end !== claim.bytes) throw new PermanentError(`the log has ${view.end} bytes, not ${claim.bytes}`);
    const segments = await this.outside(attemptId, view, claim);
    const object = segments ? serializeSeal({ ...claim, segments }) : serializeInline(await this.content(view, claim));
    if (!(await this.write(attemptId, object, claim))) return;
    hint(this.signals, WRITERS_TOPIC, { attemptId, kind: 'sealed' });
    hint(this.signals, tailTopic(attemptId), { kind: 'sealed' });
    const obsolete = view.segments.filter(({ key }) => !segments?.some((kept) => kept.key === key));
    await this.tidy(obsolete.map(({ key }) => key));
  }

  /** Answers false when the log is sealed already, with the same claim: then whoever did that tidies up. */
  private async write(attemptId: string, object: Buffer, claim: Claim): Promise<boolean> {
    if (await this.remote.bucket.put(this.remote.keys(attemptId).seal, object, { ifAbsent: true })) return true;
    const other = await this.remote.findSeal(attemptId);
    if (!other) throw new TransientError('a log was sealed and deleted at once');
    this.compare(other, claim);
    return false;
  }

  private async upload(local: LocalLog, claim: Claim): Promise<void> {
    if (local.spool.end !== claim.bytes) {
      throw new PermanentError(`the log has ${local.spool.end} bytes, not ${claim.bytes}`);
    }
    const sha256 = local.digest() ?? claim.sha256;
    if (sha256 !== claim.sha256) throw new PermanentError(`the log's digest is ${sha256}, not ${claim.sha256}`);
    await local.uploader.flush();
    if (local.failure) throw local.failure;
  }

  private compare(seal: Seal, claim: Claim): void {
    if (isSameClaim(seal, claim)) return;
    throw new PermanentError(`the log is sealed with ${seal.bytes} bytes and the digest ${seal.sha256}`);
  }

  /** What the writer has acknowledged is on its way from another host; it is asked to hurry and waited for. */
  private async arrived(attemptId: string, bytes: number): Promise<RemoteView> {
    for (let looks = 0, deadline = Date.now() + this.limits.arrivalMs; ; looks += 1) {
      const view = await this.look(attemptId, bytes, looks);
      if (view && (view.seal || view.end >= bytes)) return view;
      if (looks === 0) hint(this.signals, WRITERS_TOPIC, { attemptId, kind: 'wanted' });
      if (view && this.noteMissing(attemptId, view.end)) deadline = Date.now() + this.limits.arrivalMs;
      if (view && Date.now() >= deadline) return this.giveUp(attemptId, view.end, bytes);
      await sleep(LOOK_MS);
    }
  }

  /** Most logs are short and sealed by their writer: nothing at first where only the seal has been looked for. */
  private async look(attemptId: string, bytes: number, looks: number): Promise<RemoteView | undefined> {
    const isShort = bytes > 0 && bytes <= this.limits.inlineBytes;
    if (!isShort || looks >= SEAL_LOOKS) return this.remote.view(attemptId);
    const seal = await this.remote.findSeal(attemptId);
    return seal && viewOf(seal);
  }

  /** Answers whether something has arrived since. */
  private noteMissing(attemptId: string, end: number): boolean {
    if (this.missing.get(attemptId)?.end === end) return false;
    this.missing.delete(attemptId);
    this.missing.set(attemptId, { end, since: Date.now() });
    if (this.missing.size > MAX_MISSING) this.missing.delete(this.missing.keys().next().value ?? '');
    return true;
  }

  private giveUp(attemptId: string, end: number, bytes: number): never {
    const since = this.missing.get(attemptId)?.since ?? Date.now();
    const message = `the log has ${end} bytes, not ${bytes}: the rest has not arrived from its writer`;
    if (Date.now() - since < this.limits.abandonedMs) throw new TransientError(message);
    this.missing.delete(attemptId);
    throw new PermanentError(message);
  }

  /** Where the log lies when it is not to lie in the seal: it is checked, and it is one object. */
  private async outside(attemptId: string, view: RemoteView, claim: Claim): Promise<Segment[] | undefined> {
    if (view.segments.length === 1) {
      await this.content(view, claim);
      return [...view.segments];
    }
    return claim.bytes > this.limits.inlineBytes ? this.compact(attemptId, view, claim) : undefined;
  }

  /** A short log, checked. */
  private async content(view: RemoteView, claim: Claim): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.checked(view, claim)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** Checks the digest of what is in the bucket, which is what readers will be given, and makes one object of it. */
  private async compact(attemptId: string, view: RemoteView, claim: Claim): Promise<Segment[]> {
    const key = this.remote.keys(attemptId).whole(claim.sha256);
    // Made by an earlier or another sealer, who had checked it: made again it might have another etag than is sealed.
    const made = await this.remote.bucket.head(key);
    if (made?.bytes === claim.bytes) return [{ key, offset: 0, bytes: claim.bytes, etag: made.etag }];
    const parts = partsOf(this.checked(view, claim));
    const first = await parts.next();
    if (first.done) return [];
    if (first.value.length < PART_BYTES) {
      await this.remote.bucket.put(key, first.value);
    } else {
      await uploadParts(this.remote.bucket, key, startingWith(first.value, parts));
    }
    return [await segmentAt(this.remote.bucket, key, claim.bytes)];
  }

  /** Ends with an error, before the last of it could be written, unless the content is what was claimed. */
  private async *checked(view: RemoteView, claim: Claim): AsyncGenerator<Buffer> {
    const hash = createHash('sha256');
    for (let position = 0; position < view.end; position += PART_BYTES) {
      const bytes = await this.remote.readView(view, position, Math.min(view.end, position + PART_BYTES));
      hash.update(bytes);
      yield bytes;
    }
    const sha256 = hash.digest('hex');
    if (sha256 !== claim.sha256) throw new PermanentError(`the log's digest is ${sha256}, not ${claim.sha256}`);
  }

  /** The log is one object; what that was made of is not needed any more. `delete` finds what stays after trouble. */
  private async tidy(obsolete: readonly string[]): Promise<void> {
    await deleteAll(this.remote.bucket, obsolete).catch(() => undefined);
  }
}

const segmentAt = async (bucket: S3Bucket, key: string, bytes: number): Promise<Segment> => {
  const head = await bucket.head(key);
  if (head?.bytes !== bytes) throw new TransientError('a log in one piece is not there as it was written');
  return { key, offset: 0, bytes, etag: head.etag };
};

async function* startingWith(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}
