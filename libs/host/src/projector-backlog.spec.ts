import { describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '@foldline/contracts';
import { ManualClock } from '@foldline/testing';
import { Backlog, BACKLOG_EVENTS } from './projector-backlog.ts';

const [PAUSE_MS, PAUSE_BEHIND_MS] = [5, 100];

const event = (position: number, data: unknown = {}): RecordedEvent => ({
  id: `e${position}`,
  type: 'JobQueued',
  version: 1,
  data,
  stream: 'pipeline-a',
  revision: position - 1,
  position,
  causationId: 'c',
  correlationId: 'a',
  actor: { kind: 'system', id: 'test' },
  recordedAt: '2030-01-01T00:00:00.000Z',
});
const from = (first: number, count: number): RecordedEvent[] =>
  Array.from({ length: count }, (_, n) => event(first + n));
const positionsOf = (events: readonly RecordedEvent[]): number[] => events.map(({ position }) => position);

/** Lets everything happen that can happen without time going by. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('Backlog', () => {
  const backlogOf = ({ storedUpTo = 0, awaited = Infinity } = {}) => {
    const clock = new ManualClock();
    return { clock, backlog: new Backlog(clock, 0, storedUpTo, (position) => position >= awaited) };
  };
  /** What was taken, or that nothing was yet. */
  const watched = (taking: Promise<RecordedEvent[]>): { positions?: number[] } => {
    const seen: { positions?: number[] } = {};
    void taking.then((events) => (seen.positions = positionsOf(events)));
    return seen;
  };

  it('gives what came within a pause in order and at once', async () => {
    const { backlog, clock } = backlogOf();
    const taken = watched(backlog.take());
    await backlog.put([event(1)]);
    await clock.sleeping(PAUSE_MS);
    await backlog.put(from(2, 2));
    expect(taken.positions).toBeUndefined();
    clock.advance(PAUSE_MS);
    await settled();
    expect(taken.positions).toEqual([1, 2, 3]);
  });

  it('makes no pause for what somebody waits for', async () => {
    const { backlog } = backlogOf({ awaited: 2 });
    const taken = watched(backlog.take());
    await backlog.put([event(1)]);
    await settled();
    expect(taken.positions).toBeUndefined();
    await backlog.put([event(2)]);
    await settled();
    expect(taken.positions).toEqual([1, 2]);
  });

  it('gathers more while what was stored before is still coming, and makes no pause behind the last of it', async () => {
    const { backlog, clock } = backlogOf({ storedUpTo: 10 });
    const taken = watched(backlog.take());
    await backlog.put(from(1, 4));
    await clock.sleeping(PAUSE_BEHIND_MS);
    clock.advance(PAUSE_MS);
    await settled();
    expect([taken.positions, backlog.isBehind]).toEqual([undefined, true]);
    await backlog.put(from(5, 6));
    await settled();
    expect(taken.positions).toHaveLength(10);
    expect(backlog.isBehind).toBe(false);
  });

  it.each([
    ['events', from(1, BACKLOG_EVENTS)],
    ['data', [event(1, { text: 'x'.repeat(16 * 1024 * 1024) })]],
  ])('is full of so many %s: then it takes no more in until they are taken out', async (_, events) => {
    const { backlog } = backlogOf({ storedUpTo: 1_000_000 });
    let hasRoom = false;
    const putting = backlog.put(events).then(() => (hasRoom = true));
    await settled();
    expect(hasRoom).toBe(false);
    expect(positionsOf(await backlog.take())).toEqual(positionsOf(events));
    await putting;
  });

  it('lets reader and writer go when it ends, and gives what is left', async () => {
    const { backlog } = backlogOf();
    const putting = backlog.put(from(1, BACKLOG_EVENTS));
    backlog.end();
    await putting;
    await backlog.put([event(5_000)]);
    expect(await backlog.take()).toHaveLength(BACKLOG_EVENTS);
    expect(await backlog.take()).toEqual([]);
  });

  it('does not let a writer wait for ever that was there before the end', async () => {
    const { backlog } = backlogOf();
    const taking = backlog.take();
    backlog.end();
    expect(await taking).toEqual([]);
  });
});
