import { createHash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { deflateRawSync, inflateRawSync } from 'node:zlib';

/**
 * Positions on the wire are byte offsets in a file there: they grow, and they have gaps. Nobody may count on more, so
 * nobody gets more here.
 */
const SPACING = 64n;
const PAGE = 250;
const COMPRESSED_FROM = 128 * 1024;
const SYSTEM = { kind: 'system', id: 'event-store' };

export const wirePosition = (position) => BigInt(position) * SPACING;
/** The last event at or below a position on the wire. */
const atOrBelow = (wire) => Number(wire / SPACING);
/** The last event below a position on the wire. */
const below = (wire) => Number((wire + SPACING - 1n) / SPACING) - 1;

/** Streams and $all as EventStoreDB has them, on the embedded store. Revisions and positions are `bigint`s outside. */
export class Log {
  constructor(store) {
    this.store = store;
  }

  /**
   * `expected`: a revision, or 'no-stream', 'any', 'stream-exists'. Answers `{ revision, position }`, or
   * `{ wrong: current }` with -1 for no stream. The same ids at the same revision are the same append.
   */
  async append(stream, events, expected) {
    for (;;) {
      const exact = await this.exactRevision(stream, expected);
      if (exact === undefined) return { wrong: -1 };
      if (events.length === 0) return this.appendNothing(stream, exact);
      try {
        const encoded = events.map((event, n) => encode(stream, exact + 1 + n, event));
        const { revision, position } = await this.store.append(stream, encoded, exact);
        return { revision, position: wirePosition(position) };
      } catch (error) {
        if (error.name !== 'WrongExpectedRevision') throw error;
        // Somebody was quicker; who did not name a revision does not care.
        if (expected !== 'any' && expected !== 'stream-exists') return { wrong: error.actual };
      }
    }
  }

  async exactRevision(stream, expected) {
    if (expected === 'no-stream') return -1;
    if (expected !== 'any' && expected !== 'stream-exists') return expected;
    const last = await this.lastRevision(stream);
    return expected === 'stream-exists' && last < 0 ? undefined : last;
  }

  async appendNothing(stream, exact) {
    const last = await this.lastRevision(stream);
    return last === exact ? { revision: last, position: undefined } : { wrong: last };
  }

  async has(stream, revision = 0) {
    return (await this.store.readStream(stream, revision, 1)).length > 0;
  }

  /** -1 when there is no such stream. */
  async lastRevision(stream) {
    let missing = 1;
    while (await this.has(stream, missing - 1)) missing *= 2;
    let present = Math.floor(missing / 2) - 1;
    missing -= 1;
    while (missing - present > 1) {
      const middle = Math.floor((present + missing) / 2);
      if (await this.has(stream, middle)) present = middle;
      else missing = middle;
    }
    return present;
  }

  /** `count` is a hint how many will be wanted. */
  async *streamForwards(stream, from, count) {
    const limit = count < BigInt(PAGE) ? Number(count) : PAGE;
    for (let next = from; ;) {
      const page = await this.store.readStream(stream, next, limit);
      yield* page.map(decode);
      if (page.length < limit) return;
      next += page.length;
    }
  }

  async *streamBackwards(stream, from) {
    const last = await this.lastRevision(stream);
    for (let next = Math.min(from, last); next >= 0;) {
      const first = Math.max(0, next - PAGE + 1);
      const page = await this.store.readStream(stream, first, next - first + 1);
      yield* page.toReversed().map(decode);
      next = first - 1;
    }
  }

  /** From a position on, that one included. */
  async *allForwards(from) {
    for (let after = from === 'end' ? await this.store.lastPosition() : below(from); ;) {
      const page = await this.store.readAll({ after, limit: PAGE });
      yield* page.map(decode);
      if (page.length < PAGE) return;
      after = page.at(-1).position;
    }
  }

  /** From before a position on. */
  async *allBackwards(from) {
    for (let last = from === 'end' ? await this.store.lastPosition() : below(from); last > 0;) {
      const after = Math.max(0, last - PAGE);
      const page = await this.store.readAll({ after, limit: last - after });
      yield* page.toReversed().map(decode);
      last = after;
    }
  }

  /**
   * Calls `listener(event)` with every event behind a position, awaiting it, and `onCaughtUp` once, when all that was
   * stored at the beginning has been handed over.
   */
  async follow(from, listener, onCaughtUp, signal) {
    const target = await this.store.lastPosition();
    const after = from === 'end' ? target : atOrBelow(from);
    let behind = after < target;
    if (!behind) await onCaughtUp();
    const take = async (events) => {
      for (const event of events) {
        if (signal.aborted) return;
        await listener(decode(event));
        if (!behind || event.position < target) continue;
        behind = false;
        await onCaughtUp();
      }
    };
    await this.store.follow(after, take, signal);
  }
}

// There an id is looked for only where the append would have put it, so the place is part of the id here.
const placed = (stream, revision, id) =>
  `${id}:${revision}:${createHash('sha256').update(stream).digest('hex').slice(0, 32)}`;

const encode = (stream, revision, { id, type, contentType, data, metadata }) => ({
  id: placed(stream, revision, id),
  type,
  version: 1,
  data: { contentType, data: packed(data), metadata: packed(metadata) },
  causationId: id,
  correlationId: '-',
  actor: SYSTEM,
});

const decode = (event) => ({
  stream: event.stream,
  revision: event.revision,
  position: wirePosition(event.position),
  id: event.causationId,
  type: event.type,
  contentType: event.data.contentType,
  data: unpacked(event.data.data),
  metadata: unpacked(event.data.metadata),
  created: Date.parse(event.recordedAt),
});

const packed = (bytes) => {
  if (bytes.length < COMPRESSED_FROM && isUtf8(bytes)) return { text: Buffer.from(bytes).toString('utf8') };
  return { deflated: deflateRawSync(bytes, { level: 1 }).toString('base64') };
};

const unpacked = ({ text, deflated }) =>
  deflated === undefined ? Buffer.from(text) : inflateRawSync(Buffer.from(deflated, 'base64'));
