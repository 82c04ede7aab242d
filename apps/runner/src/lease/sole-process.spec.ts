import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RUNNER_SIGNAL, RunnerLost, RunnerRegistered, runnerStream, type NewEvent } from '@foldline/contracts';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import { localSignals, systemClock } from '@foldline/host';
import { Refusal, TransientError, type EventStore, type Logger, type Settings, type Signals } from '@foldline/kernel';
import { refuseIfTaken } from './sole-process.ts';

const OFFER = {
  cluster: { id: 'r1', power: 'low-power' },
  cpu: 1,
  memoryBytes: 1,
  diskBytes: 1,
  slots: 1,
  executors: ['process'],
} as const;
const offer = { ...OFFER, executors: [...OFFER.executors] };
const registered = (runnerId: string): NewEvent => RunnerRegistered({ runnerId, epoch: 'e1', offer });
const settings = { runners: [{ id: 'r1' }, { id: 'r2' }] } as unknown as Settings;

describe('a process that is to be a runner', () => {
  let directory: string;
  let eventStore: EventStore;
  let signals: Signals;
  let asked: number;
  let warned: string[];
  const start = (more: Partial<{ signals: Signals }> = {}): Promise<void> => {
    const warn = (_fields: object, message: string): void => void warned.push(message);
    const logger: Logger = { debug: () => {}, info: () => {}, warn, error: () => {} };
    return refuseIfTaken({ eventStore, signals, clock: systemClock, logger, settings, ...more });
  };
  const recorded = async (runnerId: string, ...events: NewEvent[]): Promise<void> => {
    const meta = { causationId: 'c', correlationId: runnerId, actor: { kind: 'system', id: 'scheduler' } } as const;
    const prepared = events.map((event, n) => ({ ...event, ...meta, id: `${runnerId}-${n}` }));
    await eventStore.append(runnerStream(runnerId), prepared, -1);
  };
  /** Another process, which has these runners. */
  const anotherRuns = (...runnerIds: string[]): void => {
    signals.listen(RUNNER_SIGNAL.whoIsThere, () => {
      for (const runnerId of runnerIds)
        void signals.send(RUNNER_SIGNAL.hello, { runnerId, epoch: 'e1', number: 7, alone: false, offer });
    });
  };

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-sole-'));
    eventStore = await openEmbeddedEventStore({ directory, now: () => new Date().toISOString() });
    signals = localSignals();
    [asked, warned] = [0, []];
    signals.listen(RUNNER_SIGNAL.whoIsThere, () => void (asked += 1));
  });
  afterEach(async () => {
    await eventStore.close();
    rmSync(directory, { recursive: true });
  });

  it('begins at once, and asks nobody, when nobody was it before or the log says that it has ended', async () => {
    await recorded('r1', registered('r1'), RunnerLost({ runnerId: 'r1', epoch: 'e1', because: 'stopped' }));
    await start();
    expect(asked).toBe(0);
  });

  it('begins after a crash: nobody answers under its name', async () => {
    await recorded('r1', registered('r1'));
    anotherRuns('r9');
    await start();
    expect(asked).toBeGreaterThan(1);
  });

  it('is refused while another process runs under one of its names', async () => {
    await recorded('r2', registered('r2'));
    anotherRuns('r9', 'r2');
    const refused = await start().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Refusal);
    expect((refused as Refusal).message).toContain('the runner r2');
    expect((refused as Refusal).message).toContain('FOLDLINE_RUNNERS');
  });

  it('begins when nobody can be asked, and says so: the lease decides then', async () => {
    await recorded('r1', registered('r1'));
    const away: Signals = {
      listen: () => () => undefined,
      send: () => Promise.reject(new TransientError('no signals')),
    };
    await start({ signals: away });
    expect(warned).toHaveLength(1);
  });
});
