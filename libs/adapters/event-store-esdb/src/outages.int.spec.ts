import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it, describe } from '@jest/globals';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { DamagedLog, NO_STREAM, PermanentError, TransientError, type EventToAppend } from '@foldline/kernel';
import { Collected, gate, sampleEvent, sampleEvents, withRealServer } from '@foldline/testing';
import { openEsdbEventStore, type EsdbEventStore } from './esdb-event-store.ts';
import { EventStoreServer } from './testing/event-store-server.ts';

/** Between client and server: can cut every connection at a chosen moment, and keep answers back. */
const proxyTo = async (port: number) => {
  const sockets = new Set<Socket>();
  let silent = false;
  let bytes = 0;
  const proxy: Server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy()).on('close', () => [near, far].forEach((one) => one.destroy()));
    }
    near.pipe(far);
    far.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (silent || near.write(chunk)) return;
      far.pause();
      near.once('drain', () => far.resume());
    });
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    url: `esdb://127.0.0.1:${(proxy.address() as AddressInfo).port}?tls=false`,
    cut: () => sockets.forEach((socket) => socket.destroy()),
    bytesToClient: () => bytes,
    swallowAnswers: (on: boolean) => void (silent = on),
    close: () => {
      sockets.forEach((socket) => socket.destroy());
      proxy.close();
    },
  };
};

withRealServer('FOLDLINE_TEST_EVENTSTORE_URL', () =>
  describe('the event store on EventStoreDB', () => {
    const stream = 'pipeline-one';
    let server: EventStoreServer;
    let store: EsdbEventStore;
    let abort: AbortController;
    let outages: unknown[];

    beforeEach(async () => {
      server = await EventStoreServer.start();
      outages = [];
      store = openEsdbEventStore({ url: server.url, deadlineMs: 2_000, onOutage: (error) => outages.push(error) });
      abort = new AbortController();
    });
    afterEach(async () => {
      abort.abort();
      server.thaw();
      await store.close();
      await server.remove();
    });

    const portOf = (url: string): number => Number(/:(\d+)\?/.exec(url)?.[1]);
    const ids = (events: readonly { id: string }[]): string[] => events.map(({ id }) => id);
    const follow = (after: number, from = store): { seen: Collected; ended: Promise<void> } => {
      const seen = new Collected();
      return { seen, ended: from.follow(after, (events) => seen.add(events), abort.signal) };
    };
    /** As a command loop does: the same events at the same revision until it is known what became of them. */
    const appendUntilKnown = async (to: string, events: EventToAppend[], expected: number): Promise<void> => {
      for (;;) {
        try {
          return void (await store.append(to, events, expected));
        } catch (error) {
          if (!(error instanceof TransientError)) throw error;
        }
      }
    };

    it('loses and repeats nothing when the server is killed thrice while it appends and follows', async () => {
      const { seen } = follow(0);
      const some = new Collected();
      void store.follow(0, (events) => some.add(events), abort.signal, { categories: ['attempt'] });
      const appending = Array.from({ length: 10 }, async (_, n) => {
        const to = n % 2 === 0 ? `pipeline-${n}` : `attempt-${n}`;
        for (let revision = -1; revision < 79; revision += 2) await appendUntilKnown(to, sampleEvents(2), revision);
      });
      for (const count of [50, 250, 450]) {
        await seen.until(count);
        await server.kill();
        await server.start();
      }
      await Promise.all(appending);
      const all = await store.readAll({ after: 0, limit: 2_000 });
      expect(all).toHaveLength(800);
      expect(new Set(ids(all)).size).toBe(800);
      expect(ids(await seen.until(800))).toEqual(ids(all));
      expect(ids(await some.until(400))).toEqual(ids(all.filter((event) => event.stream.startsWith('attempt-'))));
      expect(outages.length).toBeGreaterThanOrEqual(3);
      for (const outage of outages) expect(outage).toBeInstanceOf(TransientError);
    }, 120_000);

    it('delivers 5,000 events to a slow listener in order, past a kill in the middle, and never cuts an append', async () => {
      for (let n = 0; n < 50; n += 1) await store.append(`pipeline-${n}`, sampleEvents(100), NO_STREAM);
      const all = await store.readAll({ after: 0, limit: 10_000 });
      const seen = new Collected();
      const held = gate();
      let listening = 0;
      const overlaps: number[] = [];
      const listener = async (events: Parameters<Collected['add']>[0]): Promise<void> => {
        listening += 1;
        overlaps.push(listening);
        if (seen.events.length > 1_000) await held.opened;
        await new Promise((resolve) => setImmediate(resolve));
        listening -= 1;
        seen.add(events);
      };
      void store.follow(0, listener, abort.signal);
      await seen.until(1_000);
      await server.kill();
      await server.start();
      held.open();
      expect(ids(await seen.until(5_000))).toEqual(ids(all));
      expect(Math.max(...overlaps)).toBe(1);
    }, 120_000);

    it('asks the server for no more than a slow listener takes', async () => {
      const proxy = await proxyTo(portOf(server.url));
      const behind = openEsdbEventStore({ url: proxy.url });
      for (let n = 0; n < 60; n += 1) {
        const large = sampleEvents(20).map((event) => ({ ...event, data: { text: 'x'.repeat(20_000) } }));
        await store.append(`pipeline-${n}`, large, NO_STREAM);
      }
      const held = gate();
      const seen = new Collected();
      const listener = async (events: Parameters<Collected['add']>[0]): Promise<void> => {
        seen.add(events);
        await held.opened;
      };
      void behind.follow(0, listener, abort.signal);
      await seen.until(1);
      // Takes longer than the rest would take to come. One batch is with the listener, and another one waits.
      expect(await store.readAll({ after: 0, limit: 3_000 })).toHaveLength(1_200);
      expect(proxy.bytesToClient()).toBeLessThan(18_000_000);
      held.open();
      await seen.until(1_200);
      expect(proxy.bytesToClient()).toBeGreaterThan(24_000_000);
      await behind.close();
      proxy.close();
    }, 60_000);

    it('answers an append whose answer was lost with the connection as one append', async () => {
      const proxy = await proxyTo(portOf(server.url));
      const cut = openEsdbEventStore({ url: proxy.url, deadlineMs: 2_000 });
      const { seen } = follow(0);
      await cut.append(stream, sampleEvents(1), NO_STREAM);
      await seen.until(1);
      proxy.swallowAnswers(true);
      const events = sampleEvents(3);
      const appending = cut.append(stream, events, 0);
      await seen.until(4);
      proxy.swallowAnswers(false);
      proxy.cut();
      const appended = await appending;
      expect(ids(appended.events)).toEqual(ids(events));
      expect(appended.events).toEqual(seen.events.slice(1));
      expect(await store.readStream(stream)).toHaveLength(4);
      await cut.close();
      proxy.close();
    });

    it('says that the outcome is unknown when the server stays silent, and finds it out when asked again', async () => {
      store = await store.close().then(() => openEsdbEventStore({ url: server.url, deadlineMs: 300 }));
      await store.append(stream, sampleEvents(1), NO_STREAM);
      server.freeze();
      const events = sampleEvents(2);
      await expect(store.append(stream, events, 0)).rejects.toThrow(TransientError);
      await expect(store.readStream(stream)).rejects.toThrow(TransientError);
      await expect(store.readAll({ after: 0, limit: 1, categories: ['pipeline'] })).rejects.toThrow(TransientError);
      server.thaw();
      await appendUntilKnown(stream, events, 0);
      expect(ids((await store.readStream(stream)).slice(1))).toEqual(ids(events));
    });

    it('says so when there is no server, for every call', async () => {
      await server.kill();
      await expect(store.append(stream, sampleEvents(1), NO_STREAM)).rejects.toThrow(TransientError);
      await expect(store.readStream(stream)).rejects.toThrow(TransientError);
      await expect(store.readAll({ after: 0, limit: 1 })).rejects.toThrow(TransientError);
      await expect(store.lastPosition()).rejects.toThrow(TransientError);
    });

    it('ends a follower that waits for a server when the signal aborts', async () => {
      await server.kill();
      const { ended } = follow(0);
      abort.abort();
      await ended;
    });

    describe('beside what others wrote into the same log', () => {
      let other: EventStoreDBClient;
      beforeEach(() => {
        other = EventStoreDBClient.connectionString(server.url);
      });
      afterEach(() => other.dispose());
      const writeSystemEvents = (count: number) =>
        other.appendToStream(
          '$stats-one',
          Array.from({ length: count }, () => jsonEvent({ type: '$stats', data: {} })),
        );

      it('passes over the events of the server itself', async () => {
        const { seen } = follow(0);
        await writeSystemEvents(3);
        expect(await store.lastPosition()).toBe(0);
        const first = await store.append(stream, sampleEvents(2), NO_STREAM);
        await writeSystemEvents(2_500);
        expect(await store.lastPosition()).toBe(first.position);
        const second = await store.append(stream, sampleEvents(2), 1);
        const ours = [...first.events, ...second.events];
        expect(await store.readAll({ after: 0, limit: 10 })).toEqual(ours);
        expect(await store.readAll({ after: ours[0]!.position, limit: 2 })).toEqual(ours.slice(1, 3));
        expect(await seen.until(4)).toEqual(ours);
        await writeSystemEvents(10);
        const anew = openEsdbEventStore({ url: server.url });
        expect(await anew.lastPosition()).toBe(second.position);
        await anew.close();
      });

      it.each([
        ['has no envelope', { data: { a: 1 } }],
        ['has an envelope that does not fit its data', undefined],
      ])('serves no event that %s', async (_case, foreign) => {
        const { events } = await store.append(stream, [sampleEvent()], NO_STREAM);
        const stored = other.readStream(stream);
        const copies: Parameters<typeof jsonEvent>[0][] = [];
        for await (const { event } of stored)
          copies.push({
            type: 'JobQueued',
            data: { other: true },
            metadata: event?.metadata as Record<string, string>,
          });
        const bad = foreign ? { type: 'JobQueued', ...foreign } : copies[0]!;
        await other.appendToStream('pipeline-two', [jsonEvent({ ...bad, id: randomUUID() })]);
        await expect(store.readStream('pipeline-two')).rejects.toThrow(DamagedLog);
        await expect(store.readAll({ after: 0, limit: 10 })).rejects.toThrow(DamagedLog);
        await expect(follow(0).ended).rejects.toThrow(DamagedLog);
        expect(await store.readStream(stream)).toEqual(events);
      });
    });

    it('refuses for good what the server will never take', async () => {
      const large = sampleEvents(8).map((event) => ({ ...event, data: { text: 'x'.repeat(200_000) } }));
      await expect(store.append(stream, large, NO_STREAM)).rejects.toThrow(PermanentError);
      expect(await store.readStream(stream)).toEqual([]);
    });

    it('keeps the time that another log recorded', async () => {
      const recordedAt = '2020-02-03T04:05:06.789Z';
      const moving = openEsdbEventStore({ url: server.url, recordedAt: () => recordedAt });
      const { events } = await moving.append(stream, sampleEvents(1), NO_STREAM);
      expect(events[0]?.recordedAt).toBe(recordedAt);
      expect(await store.readStream(stream)).toEqual(events);
      await moving.close();
    });
  }),
);
