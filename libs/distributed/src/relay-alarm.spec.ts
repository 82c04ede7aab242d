import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TransientError, type Logger } from '@foldline/kernel';
import { ManualClock } from '@foldline/testing';
import { watchRelay } from './relay-alarm.ts';

const EVERY_MS = 5_000;

describe('the alarm of a relay', () => {
  let clock: ManualClock;
  let said: string[];
  let oldestAt: string | undefined | Error;
  let stop: AbortController;
  let watching: Promise<void>;

  beforeEach(() => {
    clock = new ManualClock();
    said = [];
    oldestAt = undefined;
    stop = new AbortController();
    const say =
      (level: string) =>
      (fields: object, message: string): void => {
        said.push(`${level} ${message} ${JSON.stringify(fields)}`);
      };
    const logger: Logger = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
    const relays = async () => {
      if (oldestAt instanceof Error) throw oldestAt;
      const lag = { name: 'scheduler', position: 3, savedAt: clock.now(), storePosition: 4 };
      return [oldestAt === undefined ? lag : { ...lag, oldest: { position: 4, recordedAt: oldestAt } }];
    };
    watching = watchRelay({ service: 'scheduler', bus: { relays }, clock, logger }, stop.signal);
  });
  afterEach(async () => {
    stop.abort();
    await watching;
  });

  const pass = async (times: number): Promise<void> => {
    for (let n = 0; n < times; n += 1) {
      await clock.sleeping(EVERY_MS);
      clock.advance(EVERY_MS);
    }
    await clock.sleeping(EVERY_MS);
    clock.advance(0);
  };

  it('says once that events wait for 30 seconds, and once that they do not any more', async () => {
    oldestAt = clock.now();
    await pass(5);
    expect(said).toEqual([]);
    clock.advance(EVERY_MS);
    await pass(3);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/^error events wait for more than 30 s to be published .*"service":"scheduler"/);
    oldestAt = undefined;
    clock.advance(EVERY_MS);
    await pass(2);
    expect(said).toHaveLength(2);
    expect(said[1]).toMatch(/^info events are published in time again/);
  });

  it('says nothing of what cannot be told', async () => {
    oldestAt = new TransientError('Kafka does not answer');
    await pass(10);
    expect(said).toEqual([]);
  });
});
