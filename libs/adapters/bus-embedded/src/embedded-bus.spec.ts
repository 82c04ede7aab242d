import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { NO_STREAM, PermanentError, TransientError, type EventStore } from '@foldline/kernel';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import { Collected, eventBusContract, gate, handlingFailuresContract, sampleEvents } from '@foldline/testing';
import { createEmbeddedBus, type EmbeddedBusOptions } from './embedded-bus.ts';

const now = (): string => new Date().toISOString();
const pause = (ms: number, signal?: AbortSignal): Promise<void> => sleep(ms, undefined, signal ? { signal } : {});

const openFixture = async () => {
  const directory = mkdtempSync(join(tmpdir(), 'foldline-bus-'));
  const store = await openEmbeddedEventStore({ directory: join(directory, 'events'), now });
  return {
    store,
    open: (options: Partial<EmbeddedBusOptions> = {}) =>
      createEmbeddedBus({
        store,
        directory: join(directory, 'bus'),
        now,
        sleep: pause,
        retry: { attempts: 3, baseMs: 2 },
        ...options,
      }),
    close: async () => {
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
};

eventBusContract('embedded', openFixture);
handlingFailuresContract('embedded', openFixture);

describe('the embedded bus', () => {
  let fixture: Awaited<ReturnType<typeof openFixture>>;
  let store: EventStore;

  beforeEach(async () => {
    fixture = await openFixture();
    store = fixture.store;
  });
  afterEach(() => fixture.close());

  /** The store, failing at the first calls as told. */
  const failingFirst = (method: 'follow' | 'readStream', errors: Error[]): EventStore =>
    new Proxy(store, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          const error = name === method ? errors.shift() : undefined;
          return error ? Promise.reject(error) : Reflect.apply(value, target, args);
        };
      },
    });

  it('holds no more than a thousand events in hand', async () => {
    for (let n = 0; n < 15; n += 1) await store.append(`pipeline-${n}`, sampleEvents(100, 'one'), NO_STREAM);
    const arrived: number[] = [];
    const full = gate();
    const held = gate();
    const bus = await fixture.open({
      deliveries: (event) => {
        arrived.push(event.position);
        if (arrived.length === 1_000) full.open();
        return [event];
      },
    });
    await bus.subscribe('scheduler', () => held.opened);
    await full.opened;
    // Whatever could still be taken would be taken in the turns that an append needs.
    await store.append('pipeline-last', sampleEvents(1, 'one'), NO_STREAM);
    expect(arrived).toHaveLength(1_000);
    held.open();
    await bus.handled('scheduler', 1_501);
    await bus.close();
  });

  it('goes on following when the log was out of reach for a while', async () => {
    const errors = [new TransientError('gone'), new TransientError('still gone')];
    const bus = await fixture.open({ store: failingFirst('follow', errors) });
    const seen = new Collected();
    await bus.subscribe('scheduler', async (event) => seen.add([event]));
    await store.append('pipeline-one', sampleEvents(2), NO_STREAM);
    await seen.until(2);
    await bus.close();
  });

  it('repairs a gap when the log was out of reach for a while', async () => {
    const bus = await fixture.open({
      store: failingFirst('readStream', [new TransientError('gone')]),
      deliveries: (event) => (event.revision === 1 ? [] : [event]),
    });
    const seen = new Collected();
    await bus.subscribe('scheduler', async (event) => seen.add([event]));
    const { events, position } = await store.append('pipeline-one', sampleEvents(3), NO_STREAM);
    await bus.handled('scheduler', position);
    expect(seen.events).toEqual(events);
    await bus.close();
  });

  it('tells of a group that cannot go on, and fails those who wait for it', async () => {
    const failures: unknown[] = [];
    const bus = await fixture.open({
      store: failingFirst('follow', [new PermanentError('damaged')]),
      onFailure: (group, error) => failures.push([group, (error as Error).message]),
    });
    await bus.subscribe('scheduler', async () => undefined);
    await expect(bus.handled('scheduler', 1)).rejects.toThrow('damaged');
    expect(failures).toEqual([['scheduler', 'damaged']]);
    await bus.close();
  });

  it('does not wait out a pause when it closes', async () => {
    const tried = gate();
    const bus = await fixture.open({ retry: { attempts: 3, baseMs: 3_600_000 } });
    await bus.subscribe('scheduler', async () => {
      tried.open();
      throw new TransientError('not now');
    });
    await store.append('pipeline-one', sampleEvents(1), NO_STREAM);
    await tried.opened;
    await bus.close();
  });

  it('gives its turn to other keys while one pauses', async () => {
    const bus = await fixture.open({ retry: { attempts: 3, baseMs: 3_600_000 } });
    const seen = new Collected();
    await bus.subscribe(
      'scheduler',
      async (event) => {
        if (event.correlationId === 'bad') throw new TransientError('not now');
        seen.add([event]);
      },
      { concurrency: 1 },
    );
    await store.append('pipeline-one', sampleEvents(1, 'bad'), NO_STREAM);
    await store.append('pipeline-two', sampleEvents(2, 'good'), NO_STREAM);
    await seen.until(2);
    await bus.close();
  });

  it('saves checkpoints while it runs, so that a crash repeats little', async () => {
    const first = await fixture.open();
    await first.subscribe('scheduler', async () => undefined);
    for (let n = 0; n < 6; n += 1) await store.append(`pipeline-${n}`, sampleEvents(100, `key-${n}`), NO_STREAM);
    await first.handled('scheduler', 600);
    // Opened beside the first, as after its death: nothing has been saved by closing.
    const second = await fixture.open();
    const seen = new Collected();
    await second.subscribe('scheduler', async (event) => seen.add([event]));
    await second.handled('scheduler', 600);
    expect(seen.events.length).toBeLessThanOrEqual(500);
    await Promise.all([first.close(), second.close()]);
  });
});
