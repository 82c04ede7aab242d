import { describe, expect, it } from '@jest/globals';
import { inParallel } from './in-parallel.ts';

/** Work that ends when it is told to. */
const gates = (count: number) =>
  Array.from({ length: count }, () => {
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    return { opened, open };
  });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('Work in parallel', () => {
  it('is done for every item, so many at a time', async () => {
    const done: number[] = [];
    let [now, most] = [0, 0];
    await inParallel(
      Array.from({ length: 20 }, (_, n) => n),
      3,
      async (n) => {
        most = Math.max(most, (now += 1));
        await turn();
        now -= 1;
        done.push(n);
      },
    );

    expect(done.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(most).toBe(3);
  });

  it('is nothing for no items', async () => {
    await expect(inParallel([], 3, () => Promise.reject(new Error('never')))).resolves.toBeUndefined();
  });

  it('ends with the first failure, begins nothing more and leaves nothing under way', async () => {
    const [first, second] = gates(2);
    const begun: number[] = [];
    let ended = false;
    const working = inParallel([0, 1, 2, 3], 2, async (n) => {
      begun.push(n);
      if (n === 0) await first!.opened;
      else await second!.opened;
      throw new Error(`failed ${n}`);
    }).finally(() => (ended = true));
    working.catch(() => undefined);

    first!.open();
    await turn();
    const endedEarly = ended;
    second!.open();

    await expect(working).rejects.toThrow('failed 0');
    expect({ begun, endedEarly }).toEqual({ begun: [0, 1], endedEarly: false });
  });
});
