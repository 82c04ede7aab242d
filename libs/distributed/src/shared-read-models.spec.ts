import { describe, expect, it } from '@jest/globals';
import { systemClock } from '@foldline/host';
import { PermanentError, TransientError, type ReadStore } from '@foldline/kernel';
import { SharedReadModels } from './shared-read-models.ts';

/** A store that answers each question for its position with the next of these, and with the last one ever after. */
const storeThatSays = (...answers: (number | Error)[]): ReadStore => {
  const position = async (): Promise<number> => {
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    if (typeof answer === 'number') return answer;
    throw answer;
  };
  return { position } as unknown as ReadStore;
};
const modelsOn = (store: ReadStore): SharedReadModels => new SharedReadModels(store, 'read-models', systemClock);
const away = new TransientError('Redis does not answer');

describe('read models that another process keeps', () => {
  it('are current when their store says so', async () => {
    expect(await modelsOn(storeThatSays(3, 7)).reached(7, 1_000)).toBe(true);
  });

  it('are not when the time is over first', async () => {
    expect(await modelsOn(storeThatSays(3)).reached(7, 30)).toBe(false);
  });

  it('are asked again while their store does not answer', async () => {
    expect(await modelsOn(storeThatSays(away, away, 7)).reached(7, 1_000)).toBe(true);
  });

  it('are not current when their store does not answer in time', async () => {
    expect(await modelsOn(storeThatSays(away)).reached(7, 30)).toBe(false);
  });

  it('fail when asking will never help', async () => {
    const broken = new PermanentError('the read store is closed');
    await expect(modelsOn(storeThatSays(broken)).reached(7, 1_000)).rejects.toBe(broken);
  });
});
