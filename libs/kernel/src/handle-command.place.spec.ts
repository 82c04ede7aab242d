import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { NumberTaken } from '@foldline/contracts';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import { storeWith } from '@foldline/testing';
import { PermanentError } from './errors.ts';
import { Commands } from './handle-command.ts';
import type { Clock } from './ports/environment.ports.ts';
import type { EventStore } from './ports/event-store.port.ts';

const clock: Clock = {
  now: () => new Date().toISOString(),
  monotonic: () => performance.now(),
  sleep: (ms) => sleep(ms / 20),
};
const STREAM = 'number-builds';
let directory: string;
let store: EventStore;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-place-'));
  store = await openEmbeddedEventStore({ directory, now: clock.now });
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});
const process = (over: EventStore = store): Commands => new Commands(over, clock, 'api-gateway');

describe('a stream that only counts', () => {
  const place = (commands: Commands, id: string) =>
    commands.place(STREAM, NumberTaken({ of: id }), { id, actor: { kind: 'system', id: 'test' } });

  it('gives every event a place of its own, whichever process asks', async () => {
    const [one, other] = [process(), process()];
    const places = await Promise.all(['a', 'b', 'c', 'd'].map((id, n) => place(n % 2 === 0 ? one : other, id)));
    expect(places.map(({ revision }) => revision).toSorted()).toEqual([0, 1, 2, 3]);
  });

  it('is never read from its beginning', async () => {
    for (const id of ['a', 'b', 'c']) await place(process(), id);
    const reads: number[] = [];
    const watched = storeWith(store, {
      readStream: (stream, from = 0, limit) => {
        reads.push(from);
        return store.readStream(stream, from, limit);
      },
    });
    const fresh = process(watched);
    expect(await place(fresh, 'd')).toEqual({ revision: 3 });
    expect(await place(fresh, 'e')).toEqual({ revision: 4 });
    expect(reads.filter((from) => from === 0).length).toBeLessThanOrEqual(1);
  });

  it('is only its owner’s', () =>
    expect(place(new Commands(store, clock, 'runner'), 'a')).rejects.toThrow(PermanentError));
});
