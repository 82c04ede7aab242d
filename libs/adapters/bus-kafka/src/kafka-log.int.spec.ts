import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { NO_STREAM } from '@foldline/kernel';
import { Collected, sampleEvents, withRealServer } from '@foldline/testing';
import type { KafkaBus } from './kafka-bus.ts';
import type { KafkaLog } from './kafka-log.ts';
import { kafkaOutlet } from './kafka-relay.ts';
import { openKafkaFixture, type KafkaFixture } from './kafka.fixture.ts';

const REBALANCE = 'The group is rebalancing, so a rejoin is needed';

withRealServer('FOLDLINE_TEST_KAFKA_BROKERS', (brokers) => {
  describe('what the client of Kafka says', () => {
    let fixture: KafkaFixture;
    let said: { level: string; message: string; error: unknown }[];
    const log: KafkaLog = (level, message, { error }) => said.push({ level, message, error });

    beforeEach(async () => {
      fixture = await openKafkaFixture(brokers);
      said = [];
    });
    afterEach(() => fixture.close());

    const member = async (seen: Collected): Promise<KafkaBus> => {
      const bus = await fixture.bus({ kafka: { ...fixture.settings, log } });
      await bus.subscribe('scheduler', async (event) => seen.add([event]));
      return bus;
    };

    it('calls for nobody while processes start together, and members of a group come and go', async () => {
      const seen = new Collected();
      const movesSaid = () => said.filter(({ error }) => error === REBALANCE);
      const happened = async (key: string, count: number): Promise<void> => {
        await fixture.store.append(`pipeline-${key}`, sampleEvents(1, key), NO_STREAM);
        await seen.until(count);
      };
      fixture.relay(kafkaOutlet({ ...fixture.settings, log }));
      const members = await Promise.all([member(seen), member(seen)]);
      await happened('a', 1);
      members.push(await member(seen));
      // A member hears of another one by its next heartbeat.
      while (movesSaid().length === 0) await delay(20);
      await happened('b', 2);
      await members.shift()!.close();
      await happened('c', 3);
      await Promise.all(members.map((bus) => bus.close()));

      expect(said.filter(({ level }) => level === 'error')).toEqual([]);
      expect(new Set(movesSaid().map(({ level }) => level))).toEqual(new Set(['debug']));
    }, 90_000);
  });
});
