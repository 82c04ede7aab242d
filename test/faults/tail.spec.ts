import { describe, expect, it } from '@jest/globals';
import { Tail } from './lib/tail.mjs';

const tailOf = (...events: readonly (readonly [stream: string, type: string])[]): Tail => {
  const log = events.map(([stream, type], n) => ({ stream, type, position: n + 1 }));
  return new Tail(async () => ({
    readAll: async ({ after }) => log.filter(({ position }) => position > after),
    close: async () => undefined,
  }));
};

describe('whoever waits for everything to come to its end', () => {
  it('waits for the log of an attempt that has begun', async () => {
    const tail = tailOf(['attempt-p1.0.1', 'AttemptStarted']);
    expect([await tail.settled(20), tail.open]).toEqual([false, ['log p1.0.1']]);
  });

  it('does not wait for a log that was sealed before its attempt began, late', async () => {
    const tail = tailOf(['log-p1.0.1', 'LogSealed'], ['attempt-p1.0.1', 'AttemptStarted']);
    expect([await tail.settled(2_000), tail.open]).toEqual([true, []]);
  });
});
