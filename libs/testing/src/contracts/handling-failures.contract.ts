import { describe, expect, it } from '@jest/globals';
import { NO_STREAM, TransientError } from '@foldline/kernel';
import type { EventBusFixture, ToldFailure } from './event-bus-opening.ts';
import { sampleEvents } from './event-samples.ts';

const GROUP = 'scheduler';

/** What every event bus tells of events that a group could not handle, for the log; it tries each three times. */
export const handlingFailuresContract = (name: string, openFixture: () => Promise<EventBusFixture>): void =>
  describe(`the event bus ${name}, of what could not be handled,`, () => {
    it('tells each try, with the event, and of a replay as well; a transient one uses up none', async () => {
      const fixture = await openFixture();
      const told: ToldFailure[] = [];
      const bus = await fixture.open({ onHandlingFailure: (failure) => told.push(failure) });
      try {
        const { events } = await fixture.store.append('pipeline-p1', sampleEvents(2, 'p1'), NO_STREAM);
        let calls = 0;
        await bus.subscribe(GROUP, async () => {
          calls += 1;
          throw calls === 1 ? new TransientError('not now') : new Error(`call ${calls}`);
        });
        await bus.handled(GROUP, events[1]!.position);
        expect(await bus.parked.replay(GROUP, 'p1')).toEqual({ replayed: 0, parked: true });
        expect(told.map(({ group, key, event }) => [group, key, event.id, event.stream])).toEqual(
          Array.from({ length: 7 }, () => [GROUP, 'p1', events[0]!.id, 'pipeline-p1']),
        );
        const tries = told.map(({ error, tries, attempts, retryMs }) => [
          (error as Error).message,
          tries,
          attempts,
          retryMs === undefined ? 'parked' : 'tried again',
        ]);
        expect(tries).toEqual([
          ['not now', 1, 0, 'tried again'],
          ['call 2', 2, 1, 'tried again'],
          ['call 3', 3, 2, 'tried again'],
          ['call 4', 4, 3, 'parked'],
          ['call 5', 1, 1, 'tried again'],
          ['call 6', 2, 2, 'tried again'],
          ['call 7', 3, 3, 'parked'],
        ]);
        // What it was about, also where the data was needed to know: the first tries had it at hand.
        expect(told[0]!.event.data).toEqual(events[0]!.data);
      } finally {
        await bus.close();
        await fixture.close();
      }
    });
  });
