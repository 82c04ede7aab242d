import { describe, expect, it } from '@jest/globals';
import { DiskWatch } from './disk-watch.ts';

describe('Who watches the disk', () => {
  it('tells once when more is used than allowed', async () => {
    const told = new Promise<void>((resolve) => {
      const watch = new DiskWatch(
        () => Promise.resolve(101),
        100,
        () => {
          expect(watch.isOver).toBe(true);
          resolve();
        },
      );
    });
    await told;
  });

  it('looks again after it could not look, and tells nothing once it is stopped', async () => {
    const answers = [() => Promise.reject(new Error('busy')), () => Promise.resolve(100)];
    let asked: () => void = () => undefined;
    const twice = new Promise<void>((resolve) => (asked = resolve));
    const watch = new DiskWatch(
      async () => {
        const answer = answers.shift()!;
        if (answers.length === 0) asked();
        return answer();
      },
      100,
      () => expect('told').toBe('not told'),
    );
    await twice;
    watch.stop();
    expect(watch.isOver).toBe(false);
  });
});
