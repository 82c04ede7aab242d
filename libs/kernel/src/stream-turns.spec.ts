import { describe, expect, it } from '@jest/globals';
import { logAbout, logFields } from './log-context.ts';
import { StreamTurns } from './stream-turns.ts';

const KIND = {};

describe('turns on a stream', () => {
  it('run in the context of whoever asked for them, also behind the turn of another', async () => {
    const turns = new StreamTurns();
    const seen: unknown[] = [];
    const asked = (eventId: string) =>
      logAbout({ eventId }, () =>
        turns.alone('pipeline-p1', async () => {
          await Promise.resolve();
          seen.push(logFields().eventId);
        }),
      );
    await Promise.all([
      asked('one'),
      asked('two'),
      turns.alone('pipeline-p1', async () => void seen.push(logFields())),
    ]);
    expect(seen).toEqual(['one', 'two', {}]);
  });

  it('run in the context of the first of those who share one', async () => {
    const turns = new StreamTurns();
    const seen: unknown[] = [];
    const done = new Promise<void>((resolve) => {
      const work = async (items: readonly string[]): Promise<number> => {
        await Promise.resolve();
        seen.push([logFields().eventId, ...items]);
        if (items.includes('three')) resolve();
        return items.length;
      };
      for (const eventId of ['one', 'two', 'three'])
        logAbout({ eventId }, () => turns.join('pipeline-p1', KIND, eventId, work));
    });
    await done;
    expect(seen).toEqual([
      ['one', 'one'],
      ['two', 'two', 'three'],
    ]);
  });
});
