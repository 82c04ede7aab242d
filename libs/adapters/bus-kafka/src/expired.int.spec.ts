import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventHandler } from '@foldline/kernel';
import { gate, withRealServer } from '@foldline/testing';
import type { KafkaBusOptions } from './kafka-bus-options.ts';
import { kafkaOf } from './kafka-connection.ts';
import { openKafkaFixture, pause, revisionsOf, type KafkaFixture } from './kafka.fixture.ts';
import type { Relay } from './relay.ts';
import { topicsOf, withAdmin } from './topics.ts';

const GROUP = 'scheduler';
const KEYS = Array.from({ length: 9 }, (_, n) => `key-${n}`);

withRealServer('FOLDLINE_TEST_KAFKA_BROKERS', (brokers) => {
  describe('a group that was away for longer than the topic keeps events', () => {
    let fixture: KafkaFixture;
    let relay: Relay;
    let troubles: string[];

    beforeEach(async () => {
      fixture = await openKafkaFixture(brokers);
      relay = fixture.relay();
      troubles = [];
    });
    afterEach(() => fixture.close());

    const join = (handle?: EventHandler, options: Partial<KafkaBusOptions> = {}) =>
      fixture.member(GROUP, handle, { onTrouble: ({ message }) => void troubles.push(message), ...options });
    /** Appends events to one stream of each key, and waits until they are in the topic. */
    const publish = async (count: number, keys: readonly string[] = KEYS): Promise<number> => {
      const position = await fixture.append(count, keys);
      while (relay.position < position) await pause(5);
      return position;
    };
    const dropAll = async (): Promise<void> => {
      const { events } = topicsOf(fixture.settings);
      await withAdmin(kafkaOf(fixture.settings), async (admin) => {
        const ends = await admin.fetchTopicOffsets(events);
        const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
        await admin.deleteTopicRecords({ topic: events, partitions });
      });
    };
    const upTo = (count: number, from = 0): number[] => Array.from({ length: count - from }, (_, n) => n + from);
    const expiries = (): string[] => troubles.filter((message) => message.includes('no longer holds'));

    it('reads what it has missed in the log, before what the topic still holds, and says so', async () => {
      const before = await join();
      await before.bus.handled(GROUP, await publish(2));
      await before.bus.close();
      await publish(5);
      await dropAll();
      const last = await publish(5);
      const { bus, seen } = await join();
      await bus.handled(GROUP, last);
      for (const key of KEYS) expect(revisionsOf(seen.events, key)).toEqual(upTo(12));
      expect(expiries()).toEqual([
        expect.stringMatching(/messages \d+ to 13 of partition 0, \d+ to 20 of partition 1, \d+ to 27 of partition 2:/),
      ]);
      expect((await bus.lag()).groups[0]!.lag).toBe(0);
    });

    it('does so once, also where nothing came since', async () => {
      await publish(5);
      await dropAll();
      const first = await join();
      await first.bus.handled(GROUP, await fixture.store.lastPosition());
      for (const key of KEYS) expect(revisionsOf(first.seen.events, key)).toEqual(upTo(5));
      await first.bus.close();
      const second = await join();
      await second.bus.handled(GROUP, await publish(1));
      for (const key of KEYS) expect(revisionsOf(second.seen.events, key)).toEqual([5]);
      expect(expiries()).toHaveLength(1);
    });

    it('begins behind what it is known to have handled before', async () => {
      const rounds: number[] = [];
      const before = await join(undefined, {
        auditEveryMs: 17,
        sleep: async (ms, signal) => {
          if (ms === 17) rounds.push(ms);
          await pause(ms, signal);
        },
      });
      await before.bus.handled(GROUP, await publish(20));
      const seenThen = rounds.length;
      while (rounds.length < seenThen + 4) await pause(5);
      await before.bus.close();
      await publish(3);
      await dropAll();
      const { bus, seen } = await join();
      await bus.handled(GROUP, await publish(1));
      for (const key of KEYS) expect(revisionsOf(seen.events, key)).toEqual(upTo(24, 20));
    });

    it('parks in order what cannot be handled of it', async () => {
      await publish(3);
      await dropAll();
      const { bus, seen } = await join(async ({ correlationId }) => {
        if (correlationId === 'key-0') throw new Error('never');
      });
      await bus.handled(GROUP, await publish(1));
      expect(await bus.parked.list()).toMatchObject([{ key: 'key-0', stream: 'pipeline-key-0', waiting: 3 }]);
      for (const key of KEYS.slice(1)) expect(revisionsOf(seen.events, key)).toEqual(upTo(4));
    });

    it('begins again when it ends before it has come through', async () => {
      await publish(5);
      await dropAll();
      const held = gate();
      const first = await join(({ revision }) => (revision === 3 ? held.opened : undefined) ?? Promise.resolve());
      await first.seen.until(3 * KEYS.length);
      const closing = first.bus.close();
      held.open();
      await closing;
      const second = await join();
      await second.bus.handled(GROUP, await publish(1));
      for (const key of KEYS) expect(revisionsOf(second.seen.events, key)).toEqual(upTo(6));
    });

    it('also reads there what was dropped while a partition stood still', async () => {
      const held = gate();
      const { bus, seen } = await join(() => held.opened);
      await publish(6_000, ['slow']);
      await dropAll();
      held.open();
      await bus.handled(GROUP, await publish(1, ['slow']));
      expect(revisionsOf(seen.events, 'slow')).toEqual(upTo(6_001));
      expect(expiries()).toHaveLength(1);
    });

    it('is told when the topic keeps events for another time than was asked for, and leaves it so', async () => {
      const { bus } = await join();
      await bus.handled(GROUP, await publish(1));
      expect(troubles.filter((message) => message.includes('keeps events'))).toEqual([]);
      await bus.close();
      const other = await join(undefined, { kafka: { ...fixture.settings, retentionMs: 7 * 24 * 60 * 60 * 1000 } });
      await other.bus.handled(GROUP, await publish(1));
      expect(troubles).toContainEqual(
        expect.stringMatching(
          /keeps events for 30 days, not for 7 days; .*kafka-configs\.sh --alter .*retention\.ms=604800000$/,
        ),
      );
    });
  });
});
