import { beforeEach, describe, expect, it } from '@jest/globals';
import { TransientError } from '@foldline/kernel';
import { gate } from '@foldline/testing';
import { KeyLanes, type LaneWork } from './key-lanes.ts';

type Item = { key: string; n: number };

describe('KeyLanes', () => {
  let parked: Set<string>;
  let log: string[];
  const told = (what: string, { key, n }: Item): number => log.push(`${what} ${key}${n}`);
  const failures: unknown[] = [];

  beforeEach(() => {
    parked = new Set();
    log = [];
  });

  const lanes = (overrides: Partial<LaneWork<Item>> = {}) => {
    const opened = new KeyLanes<Item>({
      concurrency: 2,
      retry: { attempts: 2, baseMs: 1 },
      pause: async () => undefined,
      handle: async (item) => void told('handle', item),
      isParked: (key) => parked.has(key),
      divert: (_key, items) => {
        for (const item of items) told('divert', item);
        return items.length;
      },
      park: (key, items) => {
        parked.add(key);
        told(`park ${items.length} from`, items[0]!);
      },
      failed: () => undefined,
      done: (item) => void told('done', item),
      onFailure: (error) => failures.push(error),
      ...overrides,
    });
    return { opened, add: (key: string, ...ns: number[]) => ns.forEach((n) => opened.add(key, { key, n })) };
  };

  it('sets aside what comes behind an item that failed for good', async () => {
    const { opened, add } = lanes({
      handle: async (item) => {
        told('handle', item);
        throw new Error('never');
      },
    });
    add('a', 1, 2);
    await opened.idle();
    add('a', 3);
    await opened.idle();
    expect(log).toEqual(['handle a1', 'handle a1', 'park 2 from a1', 'done a1', 'done a2', 'divert a3', 'done a3']);
  });

  it('tells of each try that failed what follows: a pause, or, when that is done, that the key is parked', async () => {
    const told: unknown[] = [];
    const errors = [new TransientError('not now'), new Error('once'), new Error('twice')];
    const { opened, add } = lanes({
      pause: async (ms) => void told.push(`pause ${ms > 0}`),
      handle: async () => {
        throw errors[told.length / 2];
      },
      park: () => void told.push('park'),
      failed: ({ key, n }, { error, tries, attempts, retryMs }) =>
        told.push([`${key}${n}`, (error as Error).message, tries, attempts, retryMs === undefined]),
    });
    add('a', 1, 2);
    await opened.idle();
    expect(told.slice(0, 6)).toEqual([
      ['a1', 'not now', 1, 0, false],
      'pause true',
      ['a1', 'once', 2, 1, false],
      'pause true',
      'park',
      ['a1', 'twice', 3, 2, true],
    ]);
  });

  it('handles an item whose key is parked no longer when its turn has come', async () => {
    parked.add('a');
    const { opened, add } = lanes({
      divert: () => {
        parked.clear();
        return 0;
      },
    });
    add('a', 1, 2);
    await opened.idle();
    expect(log).toEqual(['handle a1', 'done a1', 'handle a2', 'done a2']);
  });

  it('forgets what was cleared away, and does not count what was running', async () => {
    const held = gate();
    const { opened, add } = lanes({
      handle: async (item) => {
        told('handle', item);
        if (item.n === 1) await held.opened;
      },
    });
    add('a', 1, 2);
    opened.clear();
    add('a', 1_000);
    expect(log).toEqual(['handle a1']);
    held.open();
    await opened.idle();
    expect(log).toEqual(['handle a1', 'handle a1000', 'done a1000']);
  });

  it('tries nothing again that failed after it was cleared away', async () => {
    const held = gate();
    const { opened, add } = lanes({
      handle: async (item) => {
        told('handle', item);
        await held.opened;
        throw new TransientError('not now');
      },
    });
    add('a', 1, 2);
    opened.clear();
    held.open();
    await opened.idle();
    expect(log).toEqual(['handle a1']);
  });

  it('begins nothing while it is stopped', async () => {
    const { opened, add } = lanes();
    opened.stop();
    add('a', 1);
    expect(log).toEqual([]);
    opened.resume();
    await opened.idle();
    expect(log).toEqual(['handle a1', 'done a1']);
  });

  it('tells when setting aside failed, and lets other keys go on', async () => {
    const { opened, add } = lanes({
      divert: () => {
        throw new Error('no room');
      },
    });
    parked.add('a');
    add('a', 1);
    add('b', 1);
    await opened.idle();
    expect(failures).toEqual([new Error('no room')]);
    expect(log).toEqual(['handle b1', 'done b1']);
  });
});
