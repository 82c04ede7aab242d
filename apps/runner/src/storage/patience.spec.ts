import { beforeEach, describe, expect, it } from '@jest/globals';
import { PermanentError, TransientError } from '@foldline/kernel';
import { ManualClock } from '@foldline/testing';
import { PATIENCE_MS, Patience, StorageUnavailable } from './patience.ts';

/** Whoever sleeps wakes at once, and the time has passed. */
class HastyClock extends ManualClock {
  readonly pauses: number[] = [];

  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return;
    this.pauses.push(ms);
    this.advance(ms);
  }
}

const down = new TransientError('S3: could not read an object (ECONNREFUSED)');
let clock: HastyClock;
let said: string[];
let stop: AbortController;

const patienceWith = (used: ManualClock): Patience =>
  new Patience({
    clock: used,
    signal: stop.signal,
    begins: (store, error) => said.push(`${store}: ${error.message}`),
    ends: (store, waitedMs, answered) => said.push(`${store}: ${answered ? 'answered' : 'given up'} ${waitedMs > 0}`),
  });

beforeEach(() => {
  clock = new HastyClock();
  said = [];
  stop = new AbortController();
});

/** Work that fails so often before it succeeds. */
const failing = (times: number, error: Error = down) => {
  let calls = 0;
  return async (): Promise<number> => {
    calls += 1;
    if (calls <= times) throw error;
    return calls;
  };
};

describe('patience with a store', () => {
  it('says nothing where there is nothing to wait for', async () => {
    expect(await patienceWith(clock).call('s3', failing(0))).toBe(1);
    expect(said).toEqual([]);
  });

  it('tries again until the store answers, and says so once at the beginning and once at the end', async () => {
    expect(await patienceWith(clock).call('s3', failing(20))).toBe(21);
    expect(said).toEqual([`s3: ${down.message}`, 's3: answered true']);
  });

  it('pauses ever longer, up to 30 seconds, and never for a time that all share', async () => {
    await patienceWith(clock).call('s3', failing(15));
    const { pauses } = clock;
    expect(pauses).toHaveLength(15);
    pauses.forEach((pause, n) => {
      const longest = Math.min(250 * 2 ** n, 30_000);
      expect(pause).toBeGreaterThanOrEqual(longest / 2);
      expect(pause).toBeLessThanOrEqual(longest);
    });
    expect(new Set(pauses).size).toBe(15);
  });

  it('ends after 30 minutes with the last error', async () => {
    const ended = patienceWith(clock).call('s3', failing(Infinity));
    await expect(ended).rejects.toThrow(StorageUnavailable);
    await expect(ended).rejects.toThrow(/did not answer for 30 minutes; .*ECONNREFUSED/);
    expect(clock.monotonic()).toBe(PATIENCE_MS);
    expect(said.at(-1)).toBe('s3: given up true');
  });

  it('is over for all calls when it is over for one', async () => {
    const patience = patienceWith(clock);
    const all = await Promise.allSettled([1, 2, 3].map(() => patience.call('s3', failing(Infinity))));
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(said).toEqual([`s3: ${down.message}`, 's3: given up true']);
  });

  it.each([
    ['what can never succeed', new PermanentError('there is no such object')],
    ['a full disk of this host', new TransientError('could not write', { cause: { code: 'ENOSPC' } })],
  ])('is not had with %s', async (_what, error) => {
    await expect(patienceWith(clock).call('s3', failing(1, error))).rejects.toBe(error);
    expect(said).toEqual([]);
  });

  it('is not had any more with what turns out to be wrong for good', async () => {
    const gone = new PermanentError('there is no such object');
    let calls = 0;
    const work = async (): Promise<void> => {
      calls += 1;
      throw calls === 1 ? down : gone;
    };
    await expect(patienceWith(clock).call('s3', work)).rejects.toBe(gone);
  });

  it('ends at once when the job is stopped', async () => {
    const still = new ManualClock();
    const ended = patienceWith(still).call('s3', async () => {
      setImmediate(() => stop.abort());
      throw down;
    });
    await expect(ended).rejects.toThrow(TransientError);
    expect(still.monotonic()).toBe(0);
  });

  it('does not begin when the job is stopped already', async () => {
    stop.abort();
    await expect(patienceWith(clock).call('s3', failing(1))).rejects.toBe(down);
    expect(said).toEqual([]);
  });
});
