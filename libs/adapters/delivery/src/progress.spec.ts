import { describe, expect, it } from '@jest/globals';
import { Progress } from './progress.ts';

describe('Progress', () => {
  it('moves only over the prefix that is done', () => {
    const progress = new Progress(10);
    const [a, b, c] = [11, 13, 14].map((position) => progress.begin(position));
    expect(progress.finish(b!)).toBe(false);
    expect(progress.position).toBe(10);
    expect(progress.finish(a!)).toBe(true);
    expect(progress.position).toBe(13);
    expect(progress.finish(c!)).toBe(true);
    expect(progress.position).toBe(14);
  });

  it('waits for everything that came of an event', () => {
    const progress = new Progress(0);
    const entry = progress.begin(1);
    entry.open += 1;
    expect(progress.finish(entry)).toBe(false);
    expect(progress.finish(entry)).toBe(true);
    expect(progress.position).toBe(1);
  });

  it('goes on through many events', () => {
    const progress = new Progress(0);
    for (let position = 1; position <= 5_000; position += 2) {
      const [first, second] = [progress.begin(position), progress.begin(position + 1)];
      progress.finish(second);
      progress.finish(first);
    }
    expect(progress.position).toBe(5_000);
  });
});
