import { describe, expect, it } from '@jest/globals';
import { Room } from './room.ts';

describe('room for what is under way', () => {
  it('is there until more is under way than fits, and again when enough is done', async () => {
    const room = new Room(1);
    room.take();
    await room.left();
    room.take();
    let isLeft = false;
    const left = room.left().then(() => (isLeft = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isLeft).toBe(false);
    room.giveBack();
    await left;
    expect(isLeft).toBe(true);
  });
});
