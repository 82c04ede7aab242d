import { describe, expect, it } from '@jest/globals';
import type { AllStreamRecordedEvent, EventData } from '@eventstore/db-client';
import { DamagedLog, NO_STREAM, PermanentError, type EventToAppend } from '@foldline/kernel';
import { sampleEvent, sampleEvents } from '@foldline/testing';
import { decode, encodeAppend, isSystemEvent, positionOf } from './stored-event.ts';

const stream = 'pipeline-one';

/** The event as the server gives it back: through JSON, with its place. */
const recorded = (data: EventData, revision: number, changes: Record<string, unknown> = {}): AllStreamRecordedEvent =>
  ({
    ...(JSON.parse(JSON.stringify(data)) as EventData),
    isJson: true,
    streamId: stream,
    revision: BigInt(revision),
    created: new Date('2026-01-01T00:00:00.000Z'),
    position: { commit: 640n, prepare: 640n },
    ...changes,
  }) as unknown as AllStreamRecordedEvent;

describe('an event in EventStoreDB', () => {
  it('is read as it was appended', () => {
    const event = sampleEvent();
    const [data] = encodeAppend(stream, [event], 4);
    expect(decode(recorded(data!, 5))).toEqual({
      event: { ...event, stream, revision: 5, position: 640, recordedAt: '2026-01-01T00:00:00.000Z' },
      more: 0,
    });
  });

  it('names its cause and its correlation as the server does, and keeps its id', () => {
    const event = sampleEvent();
    const [data] = encodeAppend(stream, [event], NO_STREAM);
    expect(data).toMatchObject({
      id: event.id,
      type: event.type,
      data: event.data,
      metadata: { $causationId: event.causationId, $correlationId: event.correlationId },
    });
  });

  it('knows how many of its append follow', () => {
    const encoded = encodeAppend(stream, sampleEvents(3), NO_STREAM);
    expect(encoded.map((data, n) => decode(recorded(data, n)).more)).toEqual([2, 1, 0]);
  });

  it('stays as it was when the appender changes its object afterwards', () => {
    const data = { list: [1] };
    const [encoded] = encodeAppend(stream, [{ ...sampleEvent(), data }], NO_STREAM);
    data.list.push(2);
    expect(decode(recorded(encoded!, 0)).event.data).toEqual({ list: [1] });
  });

  it.each<[string, Record<string, unknown>]>([
    ['other data', { data: { serial: -1 } }],
    ['data that is no JSON any more', { data: '{"serial":', isJson: true }],
    ['another type', { type: 'JobStarted' }],
    ['another id', { id: '00000000-0000-5000-8000-00000000ffff' }],
    ['another revision', { revision: 1n }],
    ['another stream', { streamId: 'pipeline-two' }],
    ['binary data', { isJson: false, data: new Uint8Array([1]) }],
    ['no metadata', { metadata: undefined }],
    ['metadata of someone else', { metadata: { user: 'ann' } }],
    ['metadata that is no JSON', { metadata: new Uint8Array([123]) }],
  ])('is damaged when it has %s', (_what, changes) => {
    const [data] = encodeAppend(stream, [sampleEvent()], NO_STREAM);
    expect(() => decode(recorded(data!, 0, changes))).toThrow(DamagedLog);
  });

  it.each<[string, Partial<EventToAppend>]>([
    ['an id that is no UUID', { id: 'one' }],
    ['an id in upper case', { id: 'AAAAAAAA-0000-5000-8000-000000000001' }],
    ['a type of the server', { type: '$metadata' }],
    ['an empty type', { type: '' }],
    ['no version', { version: Number.NaN }],
    ['data without a JSON form', { data: undefined }],
    ['a control character in its cause', { causationId: 'a\nb' }],
  ])('is refused with %s', (_what, changes) => {
    expect(() => encodeAppend(stream, [{ ...sampleEvent(), ...changes }], NO_STREAM)).toThrow(PermanentError);
  });

  it.each<[string, string, EventToAppend[], number]>([
    ['to no stream', '', sampleEvents(1), NO_STREAM],
    ['to a stream of the server', '$all', sampleEvents(1), NO_STREAM],
    ['of nothing', stream, [], NO_STREAM],
    ['behind half a revision', stream, sampleEvents(1), 0.5],
    ['of the same event twice', stream, Array<EventToAppend>(2).fill(sampleEvent()), NO_STREAM],
    ['of too many', stream, sampleEvents(20_001), NO_STREAM],
  ])('is refused in an append %s', (_what, to, events, expected) => {
    expect(() => encodeAppend(to, events, expected)).toThrow(PermanentError);
  });

  it('is told from those of the server', () => {
    expect(isSystemEvent({ streamId: '$stats-1', type: 'x' })).toBe(true);
    expect(isSystemEvent({ streamId: stream, type: '$>' })).toBe(true);
    expect(isSystemEvent({ streamId: stream, type: 'JobQueued' })).toBe(false);
  });

  it.each([[undefined], [{ commit: 2n ** 64n - 1n, prepare: 2n ** 64n - 1n }], [{ commit: 2n ** 53n, prepare: 0n }]])(
    'has no position that a number cannot hold (%p)',
    (position) => {
      const [data] = encodeAppend(stream, [sampleEvent()], NO_STREAM);
      expect(() => positionOf(recorded(data!, 0, { position }))).toThrow(PermanentError);
    },
  );
});
