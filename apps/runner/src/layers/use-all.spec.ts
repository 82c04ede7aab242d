import { describe, expect, it } from '@jest/globals';
import { useAll } from './use-all.ts';

describe('What is used together', () => {
  it('is got at once, in the order in which it was asked for', async () => {
    const started: number[] = [];
    const use = async (thing: number): Promise<string> => {
      started.push(thing);
      for (let turn = 0; turn < 3 - thing; turn += 1) await Promise.resolve();
      expect(started).toEqual([1, 2, 3]);
      return `thing ${thing}`;
    };

    expect(await useAll([1, 2, 3], use, () => undefined)).toEqual(['thing 1', 'thing 2', 'thing 3']);
  });

  it('is given back when something of it cannot be had, also what comes later than that', async () => {
    const givenBack: number[] = [];
    const use = async (thing: number): Promise<number> => {
      if (thing === 2) throw new Error('there is no 2');
      for (let turn = 0; turn < 5 * thing; turn += 1) await Promise.resolve();
      return thing;
    };

    await expect(useAll([1, 2, 3], use, (thing) => givenBack.push(thing))).rejects.toThrow('there is no 2');
    expect(givenBack).toEqual([1, 3]);
  });
});
