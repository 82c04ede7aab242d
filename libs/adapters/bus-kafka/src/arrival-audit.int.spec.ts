import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '@foldline/contracts';
import { NO_STREAM, type EventHandler } from '@foldline/kernel';
import { Collected, gate, sampleEvents, withRealServer } from '@foldline/testing';
import type { KafkaBus } from './kafka-bus.ts';
import { faultyOutlet, openKafkaFixture, pause, type KafkaFixture } from './kafka.fixture.ts';
import { kafkaOutlet } from './kafka-relay.ts';
import type { RelayOptions } from './relay.ts';

const GROUP = 'scheduler';
type Outlet = Pick<RelayOptions, 'checkpoints' | 'openPublisher'>;
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
    /** Publishes by the outlet, but not before what this gives for each event has happened. */
    const relayThatWaits = (outlet: Outlet, allowed: (event: RecordedEvent) => Promise<void> | undefined) =>
      fixture.relay({
        ...outlet,
        openPublisher: async () => {
          const publisher = await outlet.openPublisher();
          return {
            close: () => publisher.close(),
            publish: async (batch) => {
              await Promise.all(batch.map(({ event }) => allowed(event)));
              await publisher.publish(batch);
            },
          };
        },
      });

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

    it('finds an event although what came before it was still being handled when it was looked at', async () => {
      const handled = gate();
      relayThatLoses('pipeline-a@2');
      await join(async ({ stream }) => (stream === 'pipeline-a' ? handled.opened : undefined));
      const { position } = await append('a', 3);
      await roundsAfter(position);
      handled.open();
      await seen.until(4);
      expect(seen.events.map(nameOf)).toContain('pipeline-a@2');
    });

    it('finds an event although its relay had not published it when it was looked at', async () => {
      const published = gate();
      const outlet = faultyOutlet(fixture.settings, (event) => (nameOf(event) === 'pipeline-a@2' ? [] : [event]));
      relayThatWaits(outlet, ({ stream }) => (stream === 'pipeline-a' ? published.opened : undefined));
      await join();
      const { position } = await append('a', 3);
      await roundsAfter(position);
      published.open();
      await seen.until(4);
      expect(seen.events.map(nameOf)).toContain('pipeline-a@2');
    });

    it('is not misled by events that a relay has not published yet, or that wait for their handler', async () => {
      let published = gate();
      published.open();
      const handled = gate();
      relayThatWaits(kafkaOutlet(fixture.settings), () => published.opened);
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
