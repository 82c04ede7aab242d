import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { NO_STREAM } from '@foldline/kernel';
import { Collected, sampleEvents, withRealServer } from '@foldline/testing';
import type { KafkaSettings } from './kafka-connection.ts';
import { kafkaOutlet } from './kafka-relay.ts';
import { lost, openKafkaFixture, type KafkaFixture } from './kafka.fixture.ts';

/** The way to the brokers, which can be cut. */
class Cable {
  private readonly sockets = new Set<Socket>();
  private isCut = false;
  tried = 0;

  readonly open: NonNullable<KafkaSettings['socketFactory']> = ({ host, port, onConnect }) => {
    this.tried += 1;
    // Nobody listens on port 1: refused, as by a machine whose broker is down.
    const socket = connect({ host, port: this.isCut ? 1 : port }, onConnect);
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    return socket;
  };

  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets)
      socket.destroy(Object.assign(new Error('the cable is cut'), { code: 'ECONNRESET' }));
  }

  mend(): void {
    this.isCut = false;
  }
}

withRealServer('FOLDLINE_TEST_KAFKA_BROKERS', (brokers) => {
  describe('when Kafka is down', () => {
    let fixture: KafkaFixture;
    let cable: Cable;
    let settings: KafkaSettings;

    beforeEach(async () => {
      fixture = await openKafkaFixture(brokers);
      cable = new Cable();
      settings = { ...fixture.settings, socketFactory: cable.open };
    });
    afterEach(() => fixture.close());

    const open = async () => {
      fixture.relay(kafkaOutlet(settings));
      const bus = await fixture.bus({ kafka: settings });
      const seen = new Collected();
      await bus.subscribe('scheduler', async (event) => seen.add([event]));
      return { bus, seen };
    };
    const append = async (n: number): Promise<void> => {
      await fixture.store.append(`pipeline-${n}`, sampleEvents(50, `key-${n}`), NO_STREAM);
    };
    const distinct = (seen: Collected): number => new Set(seen.events.map(({ id }) => id)).size;

    it('from the beginning, events are stored and arrive when it is there', async () => {
      cable.cut();
      const { bus, seen } = await open();
      await append(1);
      while (cable.tried < 10) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(seen.events).toEqual([]);
      cable.mend();
      await seen.until(50);
      await bus.close();
    }, 60_000);

    it('in the middle, relay and consumers come back by themselves and nothing is lost', async () => {
      const { bus, seen } = await open();
      for (let round = 0; round < 2; round += 1) {
        await append(2 * round);
        await seen.when(() => distinct(seen) >= 100 * round + 50);
        // Known from now on, also without Kafka. The relay says how far it is a moment after the events are there.
        while ((await bus.relays()).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
        cable.cut();
        await append(2 * round + 1);
        const tried = cable.tried;
        while (cable.tried < tried + 20) await new Promise((resolve) => setTimeout(resolve, 10));
        expect((await bus.relays())[0]?.oldest).toBeDefined();
        cable.mend();
        await seen.when(() => distinct(seen) === 100 * (round + 1));
      }
      expect(lost(await fixture.stored(), seen.events)).toEqual([]);
      await bus.close();
    }, 120_000);

    it('the bus closes all the same', async () => {
      const { bus, seen } = await open();
      await append(1);
      await seen.until(50);
      cable.cut();
      await bus.close();
      cable.mend();
    }, 60_000);
  });
});
