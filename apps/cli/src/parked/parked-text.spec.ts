import { describe, expect, it } from '@jest/globals';
import type { ParkedStream } from '@foldline/kernel';
import { count, detailsOf, tableOf } from './parked-text.ts';

const parked: ParkedStream = {
  group: 'notifier',
  key: 'p1',
  position: 7,
  eventId: 'e1',
  eventType: 'PipelineFinished',
  stream: 'pipeline-p1',
  error: 'first line\nsecond line',
  attempts: 5,
  parkedAt: '2026-01-01T00:00:00.000Z',
  waiting: 2,
};

describe('what is told of parked keys', () => {
  it('is one line each, in columns, with the first line of the error', () => {
    expect(tableOf([parked, { ...parked, group: 'scheduler', key: 'a-longer-key', error: 'x'.repeat(100) }])).toEqual([
      'GROUP      KEY           EVENT             WAITING  TRIES  SINCE                     ERROR',
      'notifier   p1            PipelineFinished  2        5      2026-01-01T00:00:00.000Z  first line',
      `scheduler  a-longer-key  PipelineFinished  2        5      2026-01-01T00:00:00.000Z  ${'x'.repeat(79)}…`,
    ]);
  });

  it('has nothing in it that a terminal would obey', () => {
    const hostile = { ...parked, error: 'red \u001b[31m, turned \u202e, bell \u0007' };
    const shown = [...tableOf([hostile]), ...detailsOf(hostile, undefined)].join('\n');
    expect(shown).toContain('red \u{fffd}[31m, turned \u{fffd}, bell \u{fffd}');
  });

  it('is everything of one key, where the log gives it with the event', () => {
    const shown = detailsOf(parked, undefined);
    expect(shown).toContain('error:             first line\nsecond line');
    expect(shown).toContain('waiting behind it: 2');
    expect(shown).not.toContain('data:');
  });

  it('counts one event in the singular', () => {
    expect([count(0), count(1), count(2)]).toEqual(['0 events', '1 event', '2 events']);
  });
});
