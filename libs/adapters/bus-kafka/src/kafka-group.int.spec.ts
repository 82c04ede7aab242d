import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventHandler } from '@foldline/kernel';
import { Collected, gate, withRealServer } from '@foldline/testing';
import type { KafkaBusOptions } from './kafka-bus-options.ts';
import { lost, openKafkaFixture, pause, revisionsOf, type KafkaFixture } from './kafka.fixture.ts';

const GROUP = 'scheduler';
const KEYS = Array.from({ length: 12 }, (_, n) => `key-${n}`);

withRealServer('FOLDLINE_TEST_KAFKA_BROKERS', (brokers) => {
  describe('a consumer group on Kafka', () => {
    let fixture: KafkaFixture;

    beforeEach(async () => {
      fixture = await openKafkaFixture(brokers);
    });
    afterEach(() => fixture.close());

    const join = (handle?: EventHandler, options?: Partial<KafkaBusOptions>) => fixture.member(GROUP, handle, options);
    const append = (count: number, keys: readonly string[] = KEYS): Promise<number> => fixture.append(count, keys);
    const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

    it('shares the keys, and hands them over without losing anything when members come and go', async () => {
      fixture.relay();
      const all = new Collected();
      const handle: EventHandler = async (event) => {
        await pause(1);
        all.add([event]);
      };
      const a = await join(handle);
      await append(20);
      await all.until(100);
      const b = await join(handle);
      let count = 20;
      for (; b.seen.events.length === 0; count += 5) await append(5);
      await append(20);
      await a.bus.close();
      const last = await append(20);
      await b.bus.handled(GROUP, last);
      expect(lost(await fixture.stored(), all.events)).toEqual([]);
    });

    it('hands over without repeating anything where nothing waits', async () => {
      fixture.relay();
      const all = new Collected();
      const handle: EventHandler = async (event) => all.add([event]);
      let member = await join(handle);
      for (let round = 1; round <= 3; round += 1) {
        await member.bus.handled(GROUP, await append(5));
        const successor = await join(handle);
        await append(5);
        await all.until(round * 10 * KEYS.length);
        await member.bus.close();
        member = successor;
      }
      for (const key of KEYS) expect(revisionsOf(all.events, key)).toEqual(upTo(30));
    });

    it('keeps a member whose handler takes longer than its session', async () => {
      fixture.relay();
      const timings = { sessionTimeoutMs: 1_500, rebalanceTimeoutMs: 3_000, heartbeatMs: 100 };
      const { bus, seen } = await join(async ({ revision }) => (revision === 0 ? pause(4_000) : undefined), {
        timings,
      });
      const last = await append(3, ['slow']);
      await bus.handled(GROUP, last);
      expect(revisionsOf(seen.events, 'slow')).toEqual([0, 1, 2]);
    });

    it('sees each event once when two relays lead at once', async () => {
      fixture.relay();
      fixture.relay();
      const { bus, seen } = await join();
      const half = await append(30);
      await bus.handled(GROUP, half);
      await bus.handled(GROUP, await append(30));
      for (const key of KEYS) expect(revisionsOf(seen.events, key)).toEqual(upTo(60));
    });

    it('leaves a key parked when its owner goes, and replays it where it lives now when asked elsewhere', async () => {
      fixture.relay();
      const broken = new Set(['bad']);
      const handle: EventHandler = async ({ correlationId }) => {
        if (broken.has(correlationId)) throw new Error('not yet');
      };
      const a = await join(handle);
      await a.bus.handled(GROUP, await append(2, ['bad', 'good']));
      await a.bus.close();
      const b = await join(handle);
      await b.bus.handled(GROUP, await append(2, ['bad', 'good']));
      const elsewhere = await fixture.bus();
      expect(await elsewhere.parked.list()).toMatchObject([{ group: GROUP, key: 'bad', waiting: 3, attempts: 3 }]);
      broken.clear();
      expect(await elsewhere.parked.replay(GROUP, 'bad')).toEqual({ replayed: 4, parked: false });
      expect(await b.bus.parked.list()).toEqual([]);
      await b.bus.handled(GROUP, await append(1, ['bad']));
      expect(revisionsOf(b.seen.events, 'bad')).toEqual(upTo(5));
    });

    it('keeps the wish for a replay until a member of the group is there', async () => {
      fixture.relay();
      const a = await join(async () => {
        throw new Error('never here');
      });
      await a.bus.handled(GROUP, await append(1, ['bad']));
      await a.bus.close();
      const elsewhere = await fixture.bus({ replayTimeoutMs: 20 });
      expect(await elsewhere.parked.replay(GROUP, 'bad')).toEqual({ replayed: 0, parked: true });
      const { seen } = await join();
      await seen.until(0);
      await append(1, ['bad']);
      await seen.when(() => revisionsOf(seen.events, 'bad').length === 2);
      expect(revisionsOf(seen.events, 'bad')).toEqual([0, 1]);
    });

    it('discards elsewhere what a member parked', async () => {
      fixture.relay();
      const broken = new Set(['bad']);
      const { bus, seen } = await join(async ({ correlationId }) => {
        if (broken.has(correlationId)) throw new Error('never');
      });
      await bus.handled(GROUP, await append(3, ['bad']));
      const elsewhere = await fixture.bus();
      expect(await elsewhere.parked.discard(GROUP, 'bad')).toEqual({ discarded: 3 });
      broken.clear();
      await bus.parked.list();
      await bus.handled(GROUP, await append(1, ['bad']));
      expect(revisionsOf(seen.events, 'bad')).toEqual([3]);
    });

    it('tells how far groups and relays are behind', async () => {
      const held = gate();
      const relay = fixture.relay();
      const { bus, seen } = await join(() => held.opened);
      const last = await append(5);
      while (relay.position < last) await pause(5);
      const behind = await bus.lag();
      expect(behind.groups).toMatchObject([{ group: GROUP, lag: 60 }]);
      expect(behind.groups[0]!.partitions).toHaveLength(3);
      held.open();
      await bus.handled(GROUP, last);
      expect(seen.events).toHaveLength(60);
      const caughtUp = await bus.lag();
      expect(caughtUp.groups[0]!.lag).toBe(0);
      expect(caughtUp.relays).toMatchObject([{ name: 'test', position: last, storePosition: last }]);
      expect(caughtUp.relays[0]!.oldest).toBeUndefined();
    });

    it('refuses a topic that has another number of partitions', async () => {
      fixture.relay();
      await (await join()).bus.handled(GROUP, await append(1));
      const failures: string[] = [];
      const told = gate();
      const bus = await fixture.bus({
        kafka: { ...fixture.settings, partitions: 7 },
        onFailure: (group, error) => {
          failures.push(`${group}: ${(error as Error).message}`);
          told.open();
        },
      });
      await bus.subscribe('deployer', async () => undefined);
      await told.opened;
      expect(failures).toEqual([expect.stringMatching(/^deployer: the topic .* has 3 partitions, not 7/)]);
    });
  });
});
