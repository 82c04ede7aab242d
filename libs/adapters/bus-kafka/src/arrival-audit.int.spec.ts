import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '@foldline/contracts';
import { NO_STREAM, type EventHandler } from '@foldline/kernel';
import { Collected, gate, sampleEvents, withRealServer } from '@foldline/testing';
import type { KafkaBus } from './kafka-bus.ts';
import { faultyOutlet, openKafkaFixture, pause, type KafkaFixture } from './kafka.fixture.ts';
import { kafkaOutlet } from './kafka-relay.ts';

const GROUP = 'scheduler';
/** Unlike every other pause of the bus, so that rounds can be counted. */
const EVERY_MS = 17;

withRealServer('FOLDLINE_TEST_KAFKA_BROKERS', (brokers) => {
  describe('the audit of what has arrived', () => {
    let fixture: KafkaFixture;
    let bus: KafkaBus;
    let seen: Collected;
    let lost: string[];
    /** When each round began. */
    let rounds: number[];

    beforeEach(async () => {
      fixture = await openKafkaFixture(brokers);
      seen = new Collected();
      lost = [];
      rounds = [];
    });
    afterEach(async () => {
      await bus.close();
      await fixture.close();
    });

    const nameOf = ({ stream, revision }: RecordedEvent): string => `${stream}@${revision}`;
    const join = async (handle: EventHandler = async () => undefined): Promise<void> => {
      bus = await fixture.bus({
        auditEveryMs: EVERY_MS,
        onLost: (events) => void lost.push(...events.map(nameOf)),
        sleep: async (ms, signal) => {
          if (ms === EVERY_MS) rounds.push(Date.now());
          await pause(ms, signal);
        },
      });
      await bus.subscribe(GROUP, async (event) => {
        await handle(event);
        seen.add([event]);
      });
      // Only what is stored after the group has its partitions can be told to be missing.
      await append('first', 1);
      await seen.until(1);
    };
    /** A round looks at what was stored between the two before it, and judges what the one before it suspected. */
    const roundsAfter = async (position: number): Promise<void> => {
      expect(await fixture.store.lastPosition()).toBe(position);
      const before = rounds.length;
      while (rounds.length < before + 4) await pause(1);
    };
    const append = (key: string, count: number, after = NO_STREAM) =>
      fixture.store.append(`pipeline-${key}`, sampleEvents(count, key), after);
    /** A relay for which Kafka acknowledges every event, and loses these. */
    const relayThatLoses = (...names: string[]) =>
      fixture.relay(faultyOutlet(fixture.settings, (event) => (names.includes(nameOf(event)) ? [] : [event])));

    it.each([
      ['the only event of a stream', 'pipeline-a@0', 1],
      ['the last event of a stream', 'pipeline-a@2', 3],
    ])('finds %s, behind which nothing comes that would show it, and brings it', async (_, name, count) => {
      relayThatLoses(name);
      await join();
      await append('a', count);
      await seen.until(1 + count);
      expect(seen.events.map(nameOf)).toContain(name);
      while (lost.length === 0) await pause(1);
      expect(new Set(lost)).toEqual(new Set([name]));
    });

    it('is not misled by events that a relay has not published yet, or that wait for their handler', async () => {
      let published = gate();
      published.open();
      const handled = gate();
      const outlet = kafkaOutlet(fixture.settings);
      fixture.relay({
        ...outlet,
        openPublisher: async () => {
          const publisher = await outlet.openPublisher();
          return {
            close: () => publisher.close(),
            publish: async (batch) => {
              await published.opened;
              await publisher.publish(batch);
            },
          };
        },
      });
      await join(async ({ stream }) => (stream === 'pipeline-slow' ? handled.opened : undefined));

      const slow = await append('slow', 2);
      await roundsAfter(slow.position);
      published = gate();
      const late = await append('late', 2);
      await roundsAfter(late.position);
      published.open();
      handled.open();

      await bus.handled(GROUP, late.position);
      await roundsAfter(late.position);
      expect(lost).toEqual([]);
    });
  });
});
