import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '@foldline/contracts';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import { NO_STREAM, PermanentError, TransientError, type Claims, type EventStore } from '@foldline/kernel';
import { gate, sampleEvents } from '@foldline/testing';
import type { RelayCheckpoint } from './checkpoint-topic.ts';
import { alone, now, pause } from './kafka.fixture.ts';
import { Relay, type RelayOptions } from './relay.ts';

describe('a relay', () => {
  let directory: string;
  let store: EventStore;
  let relay: Relay;
  /** Positions as they were published, and checkpoints as `=position`, in the order in which both happened. */
  let log: string[];
  let kept: { saved?: RelayCheckpoint };
  let troubles: string[];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-relay-'));
    store = await openEmbeddedEventStore({ directory, now });
    log = [];
    kept = {};
    troubles = [];
  });
  afterEach(async () => {
    await relay.close();
    await store.close();
    rmSync(directory, { recursive: true });
  });

  const open = (
    publish: (positions: readonly number[]) => Promise<void> = async () => undefined,
    overrides: Partial<RelayOptions> = {},
  ): void => {
    relay = new Relay({
      name: 'scheduler',
      categories: ['pipeline'],
      store,
      claims: alone,
      now,
      sleep: pause,
      saveEveryMs: 1,
      retry: { baseMs: 1 },
      onTrouble: ({ message }) => troubles.push(message),
      checkpoints: {
        load: async () => kept.saved,
        save: async (checkpoint) => {
          kept.saved = checkpoint;
          log.push(`=${checkpoint.position}`);
        },
        close: async () => undefined,
      },
      openPublisher: async () => ({
        publish: async (batch) => {
          const positions = batch.map(({ event }) => event.position);
          await publish(positions);
          log.push(...positions.map(String));
        },
        close: async () => undefined,
      }),
      ...overrides,
    });
    relay.start();
  };
  const append = (stream: string, count: number) => store.append(stream, sampleEvents(count), NO_STREAM);
  const saves = async (position: number): Promise<void> => {
    while (kept.saved?.position !== position) await pause(1);
  };
  const published = (): string[] => log.filter((each) => !each.startsWith('='));

  it('publishes the events of its categories in order, and says how far it is after that', async () => {
    await append('pipeline-a', 2);
    await append('plan-a', 1);
    open();
    await append('pipeline-b', 1);
    await saves(4);
    expect(published()).toEqual(['1', '2', '4']);
    expect(log.at(-1)).toBe('=4');
    expect(log.indexOf('=4')).toBeGreaterThan(log.indexOf('4'));
  });

  it('publishes the first event at once, and together what came singly soon after it', async () => {
    const [gathered, allArrived] = [gate(), gate()];
    const watched: EventStore = Object.assign(Object.create(store) as EventStore, {
      follow: (...[after, listener, signal, options]: Parameters<EventStore['follow']>) => {
        const told = async (events: readonly RecordedEvent[]): Promise<void> => {
          await listener(events);
          if (events.at(-1)!.position === 3) allArrived.open();
        };
        return store.follow(after, told, signal, options);
      },
    });
    const batches: (readonly number[])[] = [];
    open(async (positions) => void batches.push(positions), {
      store: watched,
      gatherMs: 7,
      sleep: (ms, signal) => (ms === 7 ? gathered.opened : pause(ms, signal)),
    });
    await append('pipeline-a', 1);
    await saves(1);
    for (const stream of ['pipeline-b', 'pipeline-c']) await append(stream, 1);
    await allArrived.opened;
    gathered.open();
    await saves(3);
    expect(batches).toEqual([[1], [2, 3]]);
  });

  it('goes on from its checkpoint', async () => {
    await append('pipeline-a', 3);
    kept.saved = { name: 'scheduler', categories: ['pipeline'], position: 2, savedAt: now() };
    open();
    await saves(3);
    expect(published()).toEqual(['3']);
  });

  it('publishes again what a producer may have lost, and never saves beyond what was acknowledged', async () => {
    let failures = 2;
    await append('pipeline-a', 2);
    open(async (positions) => {
      if (positions.includes(3) && failures-- > 0) throw new TransientError('no answer');
    });
    await saves(2);
    await append('pipeline-b', 2);
    await saves(4);
    expect(published()).toEqual(['1', '2', '3', '4']);
    expect(troubles).toEqual(['no answer', 'no answer']);
    expect(log.indexOf('=4')).toBeGreaterThan(log.indexOf('4'));
  });

  it('keeps up with the log while only others append, so that going on is not a search through their events', async () => {
    await append('pipeline-a', 1);
    open(undefined, { keepUpEveryMs: 1 });
    await saves(1);
    await append('plan-a', 3);
    await saves(4);
    await append('pipeline-b', 1);
    await saves(5);
    expect(published()).toEqual(['1', '5']);
  });

  it('does not move past an event of its own that waits for its acknowledgement, whatever others append', async () => {
    const held = gate();
    const reached = gate();
    const looks: number[] = [];
    await append('pipeline-a', 1);
    open(
      async () => {
        reached.open();
        await held.opened;
      },
      {
        keepUpEveryMs: 1,
        sleep: async (ms, signal) => {
          looks.push(ms);
          await pause(ms, signal);
        },
      },
    );
    await reached.opened;
    await append('plan-a', 2);
    const before = looks.length;
    while (looks.length < before + 3) await pause(1);
    expect(relay.position).toBe(0);
    held.open();
    await saves(3);
    expect(log).toEqual(['1', '=3']);
  });

  it('saves nothing while an event waits for its acknowledgement', async () => {
    const held = gate();
    const reached = gate();
    await append('pipeline-a', 1);
    open(async () => {
      reached.open();
      await held.opened;
    });
    await reached.opened;
    const closing = relay.close();
    expect(log).toEqual([]);
    held.open();
    await closing;
    expect(log).toEqual(['1', '=1']);
  });

  it('stops when it no longer holds the claim, and goes on when it holds it again', async () => {
    let change: (held: boolean) => void = () => undefined;
    const claims: Claims = {
      contend: async (claim) => {
        change = claim.onChange;
        await alone.contend({ ...claim, onChange: () => undefined });
      },
    };
    open(undefined, { claims });
    change(true);
    await append('pipeline-a', 1);
    await saves(1);
    change(false);
    while (relay.leads) await pause(1);
    await append('pipeline-b', 1);
    expect(published()).toEqual(['1']);
    change(true);
    await saves(2);
    expect(published()).toEqual(['1', '2']);
  });

  it('tells of an event that is never taken, and skips nothing', async () => {
    const failed = gate();
    const failures: unknown[] = [];
    await append('pipeline-a', 1);
    open(() => Promise.reject(new PermanentError('too large')), {
      onFailure: (error) => {
        failures.push(error);
        failed.open();
      },
    });
    await failed.opened;
    expect(failures).toEqual([new PermanentError('too large')]);
    expect(kept.saved).toBeUndefined();
  });

  it('refuses a checkpoint that lies beyond the log: one of the two belongs to another instance', async () => {
    const failed = gate();
    kept.saved = { name: 'scheduler', categories: ['pipeline'], position: 7, savedAt: now() };
    open(undefined, { onFailure: () => failed.open() });
    await failed.opened;
    expect(log).toEqual([]);
  });
});
