import { describe, expect, it } from '@jest/globals';
import { KeptReady } from './kept-ready.ts';

const settled = (): Promise<void> => new Promise(setImmediate);

describe('Images of which a container is kept ready', () => {
  it('are seen to once a minute, however often that is asked for', async () => {
    const seen: string[] = [];
    const kept = new KeptReady(['a', 'b'], async (image) => void seen.push(image), fail);
    for (const seconds of [0, 1, 59, 60, 61]) {
      kept.look(seconds * 1_000);
      await settled();
    }
    expect(seen).toEqual(['a', 'b', 'a', 'b']);
  });

  it('are not asked for again while one is still being fetched', async () => {
    let looks = 0;
    const kept = new KeptReady(
      ['slow'],
      () => {
        looks += 1;
        return new Promise(() => undefined);
      },
      fail,
    );
    for (const minutes of [0, 2, 4]) {
      kept.look(minutes * 60_000);
      await settled();
    }
    expect(looks).toBe(1);
  });

  it('that cannot be had are told, and do not keep others from being ready', async () => {
    const told: string[] = [];
    const seen: string[] = [];
    const have = async (image: string): Promise<void> => {
      if (image === 'missing') throw new Error('it is nowhere');
      seen.push(image);
    };
    new KeptReady(['missing', 'here'], have, (message) => told.push(message)).look(0);
    await settled();
    expect({ told, seen }).toEqual({ told: ['no container of the image missing is kept ready'], seen: ['here'] });
  });
});

const fail = (message: string): never => {
  throw new Error(message);
};
