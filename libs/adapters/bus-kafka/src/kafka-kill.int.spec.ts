import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { NO_STREAM } from '@foldline/kernel';
import { sampleEvents, withRealServer } from '@foldline/testing';
import { fromMessage, type Incoming } from './event-message.ts';
import { kafkaOf } from './kafka-connection.ts';
import { lost, openKafkaFixture, pause, type KafkaFixture } from './kafka.fixture.ts';
import { relayUntilDeath, startMember, type RelayDeath } from './kill-programs.fixture.ts';
import { topicsOf, withAdmin } from './topics.ts';

const KEYS = Array.from({ length: 8 }, (_, n) => `key-${n}`);

withRealServer('FOLDLINE_TEST_KAFKA_BROKERS', (brokers) => {
  describe('processes that are killed', () => {
    let fixture: KafkaFixture;
    let revision: number;

    beforeEach(async () => {
      fixture = await openKafkaFixture(brokers);
      revision = NO_STREAM;
    });
    afterEach(() => fixture.close());

    /** Appends to one stream of each key, turn by turn. */
    const append = async (rounds: number): Promise<number> => {
      let position = 0;
      for (let round = 0; round < rounds; round += 1) {
        for (const key of KEYS)
          ({ position } = await fixture.store.append(`pipeline-${key}`, sampleEvents(2, key), revision));
        revision += 2;
      }
      return position;
    };

    /** Everything in the topic, in the order of each partition. */
    const published = async (): Promise<Incoming[]> => {
      const kafka = kafkaOf(fixture.settings);
      const { events } = topicsOf(fixture.settings);
      const offsets = await withAdmin(kafka, (admin) => admin.fetchTopicOffsets(events));
      const total = offsets.reduce((sum, { high }) => sum + Number(high), 0);
      const consumer = kafka.consumer({ groupId: `${events}.check`, maxWaitTimeInMs: 100 });
      const messages: Incoming[] = [];
      await consumer.connect();
      await consumer.subscribe({ topic: events, fromBeginning: true });
      await new Promise<void>((resolve, reject) => {
        const take = async ({ message }: { message: Parameters<typeof fromMessage>[0] }): Promise<void> => {
          messages.push(fromMessage(message)!);
          if (messages.length === total) resolve();
        };
        consumer.run({ autoCommit: false, eachMessage: take }).catch(reject);
      });
      await consumer.disconnect();
      return messages;
    };

    /** Lets relays die, then one finish, and gives back what never reached the topic or came out of order. */
    const lostBy = async (deaths: readonly RelayDeath[]): Promise<{ lost: string[]; repeated: number }> => {
      await append(15);
      for (const death of deaths) {
        const dead = new AbortController();
        const died = relayUntilDeath(fixture, death).finally(() => dead.abort());
        while (!dead.signal.aborted) await append(1);
        await died;
      }
      const last = await append(1);
      const relay = fixture.relay();
      while (relay.position < last) await pause(5);
      const [stored, messages] = [await fixture.stored(), await published()];
      return { lost: lost(stored, messages), repeated: messages.length - stored.length };
    };

    it.each(['received', 'produced', 'checkpoint'] as const)(
      'a relay that dies where it has %s loses nothing',
      async (diesAt) => {
        const { lost: missing, repeated } = await lostBy([1, 2, 3].map((times) => ({ diesAt, times })));
        expect(missing).toEqual([]);
        if (diesAt !== 'received') expect(repeated).toBeGreaterThan(0);
      },
      60_000,
    );

    it('a relay whose checkpoint runs ahead is found out', async () => {
      const deaths = [1, 2].map((times) => ({ diesAt: 'received' as const, times, checkpointsEarly: true }));
      expect((await lostBy(deaths)).lost).not.toEqual([]);
    }, 60_000);

    it('a member of a group loses nothing, and what it had goes on in order elsewhere', async () => {
      fixture.relay();
      const seen: { stream: string; revision: number; by: string }[] = [];
      const start = (by: string) => startMember(fixture, (event) => void seen.push({ ...event, by }));
      let victim = start('first');
      const survivor = start('survivor');
      const by = (name: string): number => seen.filter((event) => event.by === name).length;
      for (const successor of ['second', 'third']) {
        const before = { ours: by('survivor'), all: seen.length };
        while (by('survivor') === before.ours || seen.length < before.all + 100) await append(1);
        await victim.kill();
        victim = start(successor);
      }
      await append(5);
      while (lost(await fixture.stored(), seen).some((each) => each.endsWith('never came'))) await pause(20);
      expect(lost(await fixture.stored(), seen)).toEqual([]);
      await Promise.all([victim.kill(), survivor.kill()]);
    }, 60_000);
  });
});
