import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { NO_STREAM, type EventHandler } from '@foldline/kernel';
import { Collected, sampleEvents, withRealServer } from '@foldline/testing';
import type { KafkaBus } from './kafka-bus.ts';
import { openKafkaFixture, type KafkaFixture } from './kafka.fixture.ts';

withRealServer('FOLDLINE_TEST_KAFKA_BROKERS', (brokers) => {
  describe('a group of one process', () => {
    let fixture: KafkaFixture;
    let streams = 0;

    beforeEach(async () => {
      fixture = await openKafkaFixture(brokers);
      fixture.relay();
    });
    afterEach(() => fixture.close());

    const publish = async (): Promise<string> => {
      const { events } = await fixture.store.append(`pipeline-${(streams += 1)}`, sampleEvents(1, 'key'), NO_STREAM);
      return events[0]!.id;
    };
    const begin = async (group: string): Promise<KafkaBus> => {
      const bus = await fixture.bus();
      await bus.beginNow(group);
      return bus;
    };
    const subscribe = async (bus: KafkaBus, group: string, handle: EventHandler = async () => undefined) => {
      const seen = new Collected();
      await bus.subscribe(group, async (event) => {
        await handle(event);
        seen.add([event]);
      });
      return seen;
    };
    /** A group that has everything, to know that an event has reached the topic. */
    const published = async (id: string): Promise<void> => {
      const bus = await fixture.bus();
      const seen = new Collected();
      const arrived = new Promise<void>((resolve) => {
        void bus.subscribe('deployer', async (event) => {
          seen.add([event]);
          if (event.id === id) resolve();
        });
      });
      await arrived;
    };

    it('gets every event from its beginning on, also those of before its first subscribe, and none of earlier', async () => {
      await published(await publish());
      const one = await begin('runner.one');
      const two = await begin('runner.two');
      const between = await publish();
      const [ofOne, ofTwo] = [await subscribe(one, 'runner.one'), await subscribe(two, 'runner.two')];
      const after = await publish();
      for (const seen of [ofOne, ofTwo]) expect((await seen.until(2)).map(({ id }) => id)).toEqual([between, after]);
    });

    it('goes on where it was when its process starts again', async () => {
      const first = await begin('runner.one');
      const before = await publish();
      await (await subscribe(first, 'runner.one')).until(1);
      await first.close();
      const missed = await publish();
      const second = await begin('runner.one');
      const seen = await subscribe(second, 'runner.one');
      const ids = (await seen.until(1)).map(({ id }) => id);
      expect(ids).toContain(missed);
      expect(ids).not.toContain(before);
    });

    it('shows what it parks to every process', async () => {
      const bus = await begin('runner.one');
      await subscribe(bus, 'runner.one', async () => {
        throw new Error('cannot');
      });
      const id = await publish();
      const gateway = await fixture.bus();
      let parked = await gateway.parked.list();
      while (parked.length === 0) parked = await gateway.parked.list();
      expect(parked).toMatchObject([{ group: 'runner.one', key: 'key', eventId: id }]);
    });
  });
});
