import { beforeEach, describe, expect, it } from '@jest/globals';
import type { PreparedContainer } from './prepared-container.ts';
import { WarmPool } from './warm-pool.ts';

/** What the pool knows of a container. */
class Container {
  isGone = false;
  isRemoved = false;
  constructor(readonly imageId: string) {}
  wake(): void {}
  async answers(): Promise<boolean> {
    return !this.isGone;
  }
  async remove(): Promise<void> {
    this.isRemoved = true;
  }
}

describe('A pool that keeps one container of an image ready', () => {
  let pool: WarmPool;
  let made: Container[];
  const keep = async (imageId: string): Promise<void> => {
    pool.keep('app:1', `key of ${imageId}`, async () => {
      made.push(new Container(imageId));
      return made.at(-1) as unknown as PreparedContainer;
    });
    await new Promise(setImmediate);
  };
  beforeEach(() => {
    pool = new WarmPool({ size: 2, idleMs: 1 });
    made = [];
  });

  it('makes none where one waits', async () => {
    await keep('one');
    await keep('one');
    expect(made).toHaveLength(1);
  });

  it('makes another one where the first has been taken, or has ended', async () => {
    await keep('one');
    expect(await pool.take('key of one')).toBe(made[0]);
    await keep('one');
    made[1]!.isGone = true;
    await keep('one');
    expect(made.map(({ isRemoved }) => isRemoved)).toEqual([false, true, false]);
  });

  it('removes one that has ended without being asked for it', async () => {
    await keep('one');
    made[0]!.isGone = true;
    pool.look();
    expect(made[0]!.isRemoved).toBe(true);
  });

  it('makes one of what the name stands for now', async () => {
    await keep('one');
    await keep('other');
    expect(made.map(({ imageId, isRemoved }) => [imageId, isRemoved])).toEqual([
      ['one', true],
      ['other', false],
    ]);
    expect(await pool.take('key of one')).toBeUndefined();
  });
});
