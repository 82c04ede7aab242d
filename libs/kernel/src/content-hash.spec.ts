import { describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '@foldline/contracts';
import { contentHash, streamHash } from './content-hash.ts';

const event = (revision: number, changes: Partial<RecordedEvent> = {}): RecordedEvent => ({
  type: 'JobQueued',
  version: 1,
  data: { job: 'build', list: [1, null, 'ü'] },
  id: `id-${revision}`,
  stream: 'pipeline-one',
  revision,
  position: revision + 10,
  causationId: 'cause',
  correlationId: 'pipeline-one',
  actor: { kind: 'user', id: 'ann' },
  recordedAt: '2026-01-01T00:00:00.000Z',
  ...changes,
});
const stream = [event(0), event(1), event(2)];

describe('the hash of a stream', () => {
  it('is the same wherever and whenever the stream is stored', () => {
    const elsewhere = stream.map((one) => ({
      ...one,
      position: one.position * 7,
      recordedAt: '2027-01-01T00:00:00.000Z',
    }));
    expect(streamHash(elsewhere)).toBe(streamHash(stream));
  });

  it('survives a way through JSON', () => {
    expect(streamHash(JSON.parse(JSON.stringify(stream)) as RecordedEvent[])).toBe(streamHash(stream));
  });

  it('can be taken page by page', () => {
    expect(streamHash(stream.slice(1), streamHash(stream.slice(0, 1)))).toBe(streamHash(stream));
  });

  it.each<[string, Partial<RecordedEvent>]>([
    ['stream', { stream: 'pipeline-two' }],
    ['revision', { revision: 5 }],
    ['id', { id: 'other' }],
    ['type', { type: 'JobQueue' }],
    ['version', { version: 2 }],
    ['data', { data: { job: 'build', list: [1, null, 'u'] } }],
    ['cause', { causationId: 'other' }],
    ['correlation', { correlationId: 'other' }],
    ['kind of actor', { actor: { kind: 'runner', id: 'ann' } }],
    ['actor', { actor: { kind: 'user', id: 'bob' } }],
  ])('is another when the %s of one event is another', (_what, changes) => {
    expect(streamHash([event(0), event(1, changes), event(2)])).not.toBe(streamHash(stream));
  });

  it.each([
    ['missing', [event(0), event(2)]],
    ['out of order', [event(1), event(0), event(2)]],
    ['one too few', [event(0), event(1)]],
  ])('is another when an event is %s', (_what, events) => {
    expect(streamHash(events)).not.toBe(streamHash(stream));
  });

  it('does not mistake where one field ends and the next begins', () => {
    const one = contentHash(event(0, { causationId: 'ab', correlationId: 'c' }));
    expect(contentHash(event(0, { causationId: 'a', correlationId: 'bc' }))).not.toBe(one);
  });
});
