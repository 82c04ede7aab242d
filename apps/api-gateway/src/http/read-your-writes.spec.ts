import { describe, expect, it } from '@jest/globals';
import type { Document, EventStore, ReadModels, ReadStore } from '@foldline/kernel';
import { ReadYourWrites } from './read-your-writes.ts';

const STORED = 7;
const DOC = { id: 'job' };

/** Documents that show position 7 from the moment that says `shown`; until then they are one event behind. */
const projectedAt = (moment: { shown: boolean }) => {
  const position = (): number => (moment.shown ? STORED : STORED - 1);
  const models: ReadModels = { position, reached: async () => (moment.shown = true) };
  const store = { lastPosition: async () => STORED } as unknown as EventStore;
  return (get: () => Document | undefined) => {
    const reads = { get: async () => get() } as unknown as ReadStore;
    return new ReadYourWrites(models, store, reads);
  };
};

describe('a document that was just written', () => {
  it('is found when the read models catch up just behind the first look', async () => {
    const moment = { shown: false };
    const writes = projectedAt(moment)(() => {
      const found = moment.shown ? DOC : undefined;
      moment.shown = true;
      return found;
    });

    expect(await writes.find('jobs', 'job')).toEqual(DOC);
  });

  it('is waited for while the read models are behind', async () => {
    const moment = { shown: false };
    const writes = projectedAt(moment)(() => (moment.shown ? DOC : undefined));

    expect(await writes.find('jobs', 'job')).toEqual(DOC);
  });

  it('is looked for once when the read models show everything, and it is not there', async () => {
    let looks = 0;
    const writes = projectedAt({ shown: true })(() => void (looks += 1) as undefined);

    expect(await writes.find('jobs', 'job')).toBeUndefined();
    expect(looks).toBe(1);
  });
});
