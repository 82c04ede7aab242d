import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TransientError, type EventStore, type Settings } from '@foldline/kernel';
import { ManualClock } from '@foldline/testing';
import { closeAndRemove, startGateway, type StartedGateway } from '../gateway.fixture.ts';
import { LogWatch } from './log-watch.ts';

let gateway: StartedGateway;
let watch: LogWatch;
let clock: ManualClock;
let whole: EventStore['lastPosition'];

beforeAll(async () => {
  gateway = await startGateway();
  whole = gateway.ports.eventStore.lastPosition.bind(gateway.ports.eventStore);
});
afterAll(() => closeAndRemove(gateway));

const watching = (mode: Settings['mode'], lastPosition: EventStore['lastPosition']): LogWatch => {
  clock = new ManualClock();
  gateway.ports.eventStore.lastPosition = lastPosition;
  watch = new LogWatch({ ...gateway.ports.settings, mode }, gateway.ports.eventStore, clock);
  watch.onApplicationBootstrap();
  return watch;
};
const down = async (): Promise<number> => {
  throw new TransientError('EventStoreDB cannot be reached');
};

describe('a gateway', () => {
  it('knows within a second that its log is away, and that it is back', async () => {
    const { ports } = gateway;
    watching('distributed', whole);
    await clock.sleeping(1_000);
    expect(watch.isAway).toBe(false);
    ports.eventStore.lastPosition = down;
    clock.advance(1_000);
    await clock.sleeping(1_000);
    expect(watch.isAway).toBe(true);
    ports.eventStore.lastPosition = whole;
    clock.advance(1_000);
    await clock.sleeping(1_000);
    expect(watch.isAway).toBe(false);
    await watch.beforeApplicationShutdown();
  });

  it('takes a log for away that has not answered for three seconds', async () => {
    let answer!: (position: number) => void;
    watching('distributed', () => new Promise((resolve) => (answer = resolve)));
    clock.advance(2_999);
    expect(watch.isAway).toBe(false);
    clock.advance(1);
    expect(watch.isAway).toBe(true);
    answer(1);
    await clock.sleeping(1_000);
    expect(watch.isAway).toBe(false);
    await watch.beforeApplicationShutdown();
  });

  it('does not ask a log that lies in its own process', () => {
    watching('standalone', down);
    expect(watch.isAway).toBe(false);
  });
});
