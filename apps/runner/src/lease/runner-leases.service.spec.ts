import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RunnerLost, RunnerRegistered, leaseTerms, runnerStream, type NewEvent } from '@foldline/contracts';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import { TransientError, type EventStore, type Logger, type Settings } from '@foldline/kernel';
import { ManualClock } from '@foldline/testing';
import type { RunnerLease } from './runner-lease.ts';
import { RunnerLeases } from './runner-leases.service.ts';

const LEASE_MS = 180_000;
const terms = leaseTerms(LEASE_MS);
const SECOND = 1_000;
const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

let directory: string;
let clock: ManualClock;
let store: EventStore;
let leases: RunnerLeases;
let lease: RunnerLease;
/** What is cut off now. */
let cut: { log: boolean; answers: boolean };
let ended: { epoch: string; at: number }[];
let revision: number;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-lease-'));
  clock = new ManualClock();
  store = await openEmbeddedEventStore({ directory, now: () => clock.now() });
  cut = { log: false, answers: false };
  ended = [];
  revision = -1;
  const reading: EventStore = Object.create(store, {
    readStream: {
      value: async (...call: Parameters<EventStore['readStream']>) => {
        if (cut.log) throw new TransientError('the store is away');
        return store.readStream(...call);
      },
    },
  }) as EventStore;
  let epochs = 0;
  const ids = { next: () => `e${(epochs += 1)}` };
  const settings = { mode: 'distributed', runnerLeaseMs: LEASE_MS, runners: [{ id: 'r1' }] } as unknown as Settings;
  leases = new RunnerLeases(settings, reading, clock, ids, silent);
  leases.onEnded((_runnerId, epoch) => void ended.push({ epoch, at: clock.monotonic() }));
  lease = leases.all[0]!;
  await record(registered('e1'));
  leases.keep();
  await until(() => leases.standing('r1', 'e1') === 'held');
});
afterEach(async () => {
  leases.beforeApplicationShutdown();
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const registered = (epoch: string): NewEvent =>
  RunnerRegistered({
    runnerId: 'r1',
    epoch,
    offer: {
      cluster: { id: 'one', power: 'low-power' },
      cpu: 1,
      memoryBytes: 1,
      diskBytes: 1,
      slots: 1,
      executors: [],
    },
  });
const lost = (epoch: string): NewEvent => RunnerLost({ runnerId: 'r1', epoch, because: 'silence' });
const record = async (...events: NewEvent[]): Promise<void> => {
  const meta = { causationId: 'c', correlationId: 'r1', actor: { kind: 'system', id: 'scheduler' } } as const;
  const prepared = events.map((event, n) => ({ ...event, ...meta, id: `${revision + n}` }));
  revision = (await store.append(runnerStream('r1'), prepared, revision)).revision;
};

/** Time passes, and every hello is answered unless answers are cut off. */
const pass = async (ms: number, step = SECOND): Promise<void> => {
  for (let passed = 0; passed < ms; passed += step) {
    clock.advance(step);
    const number = lease.sayHello(clock.monotonic());
    if (number !== undefined && !cut.answers) leases.answered('r1', lease.epoch, number);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
};
const until = async (isSo: () => boolean): Promise<void> => {
  for (let passed = 0; !isSo(); passed += SECOND) {
    if (passed > 10 * LEASE_MS) throw new Error('this did not come true');
    await pass(SECOND);
  }
};

describe('A runner keeps its lease', () => {
  it('while its hellos are answered and the log is away', async () => {
    cut.log = true;
    await pass(2 * LEASE_MS, 5 * SECOND);
    expect(leases.standing('r1', 'e1')).toBe('held');
    expect(ended).toEqual([]);
  });

  it('while no answers come and the log says that it is not lost', async () => {
    cut.answers = true;
    await pass(2 * LEASE_MS);
    expect(leases.standing('r1', 'e1')).toBe('held');
    expect(ended).toEqual([]);
  });

  it('when it was frozen and nobody has noticed', async () => {
    cut.answers = true;
    clock.advance(3 * LEASE_MS);
    expect(leases.standing('r1', 'e1')).toBe('unsure');
    await until(() => leases.standing('r1', 'e1') === 'held');
    expect(ended).toEqual([]);
  });
});

describe('A runner loses its lease', () => {
  it('when it hears and reads nothing, before the scheduler could count it as lost', async () => {
    await pass(30 * SECOND);
    cut.log = cut.answers = true;
    const since = clock.monotonic();
    await until(() => ended.length > 0);
    expect(ended[0]!.at - since).toBeGreaterThan(LEASE_MS - terms.marginMs - terms.lookMs);
    expect(ended[0]!.at - since).toBeLessThan(LEASE_MS);
    expect(leases.standing('r1', 'e1')).not.toBe('held');
  });

  it('within the grace period when the log says so, although its hellos are answered', async () => {
    await pass(30 * SECOND);
    await record(lost('e1'));
    const since = clock.monotonic();
    await until(() => ended.length > 0);
    expect(ended[0]!.at - since).toBeLessThan(terms.graceMs);
    expect(leases.standing('r1', 'e1')).toBe('ended');
  });

  it('when it wakes up and was lost meanwhile', async () => {
    await record(lost('e1'));
    clock.advance(3 * LEASE_MS);
    expect(leases.standing('r1', 'e1')).not.toBe('held');
    await until(() => ended.length > 0);
    expect(ended).toHaveLength(1);
  });

  it('and begins a new epoch, which is held when it is registered', async () => {
    const begun: string[] = [];
    leases.onBegun(({ epoch }) => void begun.push(epoch));
    await record(lost('e1'));
    await until(() => begun.length > 0);
    expect(begun).toEqual(['e2']);
    expect(lease.isReplaced).toBe(false);
    cut.answers = true;
    await record(registered('e2'));
    await until(() => leases.standing('r1', 'e2') === 'held');
    expect(leases.standing('r1', 'e1')).toBe('ended');
    expect(ended.map(({ epoch }) => epoch)).toEqual(['e1']);
  });

  it('to another process, of which it tells once, and is there again only when that is lost', async () => {
    const replaced: string[] = [];
    leases.onReplaced((runnerId) => void replaced.push(runnerId));
    await record(lost('e1'), registered('other'));
    await until(() => ended.length > 0);
    await pass(60 * SECOND);
    expect(lease.epoch).toBe('e1');
    expect(replaced).toEqual(['r1']);
    await record(lost('other'));
    await until(() => lease.epoch === 'e2');
  });
});
