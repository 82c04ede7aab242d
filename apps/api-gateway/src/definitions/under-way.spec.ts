import { describe, expect, it } from '@jest/globals';
import { Refusal, TransientError, type Clock } from '@foldline/kernel';
import { UnderWay } from './under-way.ts';

/** A clock whose time passes when the test says so. */
const stoppedClock = (): { clock: Clock; pass: () => void } => {
  const waiting: (() => void)[] = [];
  const sleep = (_ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      signal?.addEventListener('abort', () => resolve());
    });
  const clock = { sleep, now: () => '2030-01-01T00:00:00.000Z', monotonic: () => 0 };
  return { clock, pass: () => waiting.forEach((wake) => wake()) };
};

const work = (): { begin: () => Promise<string>; end: () => void; fail: (error: Error) => void } => {
  let end = (): void => {};
  let fail = (_error: Error): void => {};
  const promise = new Promise<string>((resolve, reject) => {
    [end, fail] = [() => resolve('done'), reject];
  });
  return { begin: () => promise, end, fail };
};
const FULL = { code: 'too_many_definitions', fields: { retryAfterSeconds: expect.any(Number) } };

describe('Work of which only so much is under way', () => {
  it('is answered with what comes of it, also when that is an error', async () => {
    const underWay = new UnderWay({ total: 1, perKey: 1, answerMs: 1000 }, stoppedClock().clock);
    expect(await underWay.answer('a', async () => 'done')).toBe('done');
    const failing = underWay.answer('a', () => Promise.reject(new Refusal('unknown_ref', 'no')));
    await expect(failing).rejects.toMatchObject({ code: 'unknown_ref' });
    expect(await underWay.answer('a', async () => 'done again')).toBe('done again');
  });

  it('is refused where one key, or all together, have no room, and let in when another has ended', async () => {
    const underWay = new UnderWay({ total: 3, perKey: 2, answerMs: 1000 }, stoppedClock().clock);
    const works = [work(), work(), work()];
    const first = ['a', 'a', 'b'].map((key, n) => underWay.answer(key, works[n]!.begin));
    await expect(underWay.answer('a', async () => 'x')).rejects.toMatchObject(FULL);
    await expect(underWay.answer('c', async () => 'x')).rejects.toMatchObject(FULL);
    works[2]!.end();
    await first[2];
    await expect(underWay.answer('a', async () => 'x')).rejects.toMatchObject(FULL);
    expect(await underWay.answer('c', async () => 'x')).toBe('x');
    for (const { end } of works) end();
    await Promise.all(first);
  });

  it('is given up by who waits when it takes long, and holds its place until it ends', async () => {
    const { clock, pass } = stoppedClock();
    const underWay = new UnderWay({ total: 1, perKey: 1, answerMs: 1000 }, clock);
    const { begin, fail } = work();
    const answer = underWay.answer('a', begin);
    pass();
    await expect(answer).rejects.toBeInstanceOf(TransientError);
    await expect(underWay.answer('b', async () => 'x')).rejects.toMatchObject(FULL);
    fail(new Error('in the end it failed, and nobody listens'));
    await begin().catch(() => undefined);
    await Promise.resolve();
    expect(await underWay.answer('b', async () => 'x')).toBe('x');
  });
});
