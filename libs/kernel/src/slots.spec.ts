import { describe, expect, it } from '@jest/globals';
import { Slots } from './slots.ts';

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('slots', () => {
  it('let no more work run at once than there are, and all of it in the end', async () => {
    const slots = new Slots(3);
    let running = 0;
    let most = 0;
    const done: number[] = [];
    const work = async (n: number): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      await soon();
      running -= 1;
      done.push(n);
    };
    await Promise.all(Array.from({ length: 20 }, (_, n) => slots.use(() => work(n))));
    expect(most).toBe(3);
    expect(done).toHaveLength(20);
  });

  it('are free again after work that failed', async () => {
    const slots = new Slots(1);
    await expect(slots.use(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(slots.use(async () => 'yes')).resolves.toBe('yes');
  });

  it('are not waited for any longer by whoever gives up, and go to the next in line', async () => {
    const slots = new Slots(1);
    let leave = (): void => undefined;
    const first = slots.use(() => new Promise<void>((resolve) => (leave = resolve)));
    const impatient = new AbortController();
    const waiting: string[] = [];
    const { signal } = impatient;
    const given = slots.use(async () => 'never', { signal, onWait: () => waiting.push('given up') });
    const next = slots.use(async () => 'next', { onWait: () => waiting.push('next') });
    expect(waiting).toEqual(['given up', 'next']);
    impatient.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    leave();
    await expect(next).resolves.toBe('next');
    await first;
    await expect(slots.use(async () => 'never', { signal })).rejects.toThrow('enough');
  });
});
