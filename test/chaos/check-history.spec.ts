import { describe, expect, it } from '@jest/globals';
import { CHECKS as SHARED } from '../faults/check-history.mjs';
import { goodHistory } from '../faults/history.fixture.ts';
import { CHECKS, checkHistory, type ChaosHistory, type Published } from './check-history.mjs';

/** The good run of one process, as if it had been one of many: everything was published, some of it twice. */
const goodChaos = (): ChaosHistory => {
  const history = goodHistory();
  const published = history.events.map(({ id, stream, correlationId, revision, type }): Published => ({
    eventId: id,
    stream,
    key: correlationId,
    revision,
    type,
  }));
  const handled = history.events.map(({ id, stream, revision, correlationId: key }) => ({
    group: 'scheduler',
    id,
    stream,
    key,
    revision,
  }));
  return {
    ...history,
    topic: [...published.slice(0, 9), ...published.slice(3, 6), ...published.slice(9)],
    handled: [
      { process: 'scheduler-1', events: handled.slice(0, 20) },
      { process: 'scheduler-2', events: handled.slice(15) },
    ],
    undisturbed: true,
    unmade: [],
    convergence: { ms: 1200, open: [], withinMs: 90_000 },
  };
};

const assigned = (jobId: string, position: number): ChaosHistory['events'][number] => ({
  ...goodHistory().events[0]!,
  id: `more-${position}`,
  causationId: `cause of more-${position}`,
  stream: 'pipeline-p2',
  type: 'JobAssigned',
  position,
  data: { jobId, attempt: 1, runnerId: 'one', epoch: 'e1' },
});

/** A violation, the rule that must report it, and how it is planted. */
const MUTANTS: readonly [violation: string, rule: string, plant: (history: ChaosHistory) => void][] = [
  ['an event that was never published', 'topicHoldsTheLog', (history) => void history.topic.pop()],
  [
    'an event that was published and never stored',
    'topicHoldsTheLog',
    (history) => void history.topic.push({ ...history.topic[0]!, eventId: 'phantom' }),
  ],
  [
    'an event that was published as another one',
    'topicHoldsTheLog',
    (history) => void (history.topic[0] = { ...history.topic[0]!, revision: 7 }),
  ],
  [
    'two events of a stream that changed places',
    'firstsAreInOrder',
    ({ topic }) => {
      const places = topic.flatMap(({ stream }, n) => (stream === 'pipeline-p1' ? [n] : []));
      const [one, other] = [places[0]!, places[1]!];
      [topic[one], topic[other]] = [topic[other]!, topic[one]!];
    },
  ],
  [
    'an event that one process handled twice',
    'eventsAreHandledOnce',
    ({ handled }) => void handled[0]!.events.push(handled[0]!.events[4]!),
  ],
  [
    'an event that no process of a group handled',
    'eventsReachTheirHandlers',
    ({ events, handled }) => {
      const missed = events.find(({ type }) => type === 'JobQueued')!;
      for (const process of handled) process.events = process.events.filter(({ id }) => id !== missed.id);
    },
  ],
  [
    'an event that a process came to after a later one of its stream',
    'eventsReachTheirHandlers',
    ({ handled }) => {
      const list = handled[0]!.events;
      const places = list.flatMap(({ stream }, n) => (stream === 'pipeline-p1' ? [n] : []));
      const [one, other] = [places[0]!, places[1]!];
      [list[one], list[other]] = [list[other]!, list[one]!];
    },
  ],
  [
    'a strike that did not come about',
    'strikesWereMade',
    ({ unmade }) => void unmade.push('scheduler-1 was to die at a failpoint, and came past none'),
  ],
  [
    'a runner that was given more than it has places for',
    'placesAreNotOverrun',
    (history) => {
      const registered = { ...assigned('', 900), type: 'RunnerRegistered' };
      registered.data = { runnerId: 'one', epoch: 'e1', offer: { slots: 1 } };
      history.events.push(registered, assigned('p2.0', 901), assigned('p2.1', 902));
    },
  ],
  [
    'something that does not come to its end',
    'everythingConverges',
    (history) => void history.convergence.open.push('pipeline p1'),
  ],
];

describe('the checks of a chaos run', () => {
  it('find nothing in a good one', () => {
    expect(checkHistory(goodChaos())).toEqual([]);
  });

  it.each(MUTANTS)('report %s', (_violation, rule, plant) => {
    const history = goodChaos();
    plant(history);

    expect(checkHistory(history).map((found) => found.rule)).toContain(rule);
  });

  it('let an event be handled twice where a member was struck', () => {
    const history = goodChaos();
    history.handled[0]!.events.push(history.handled[0]!.events[4]!);
    history.undisturbed = false;

    expect(checkHistory(history)).toEqual([]);
  });

  describe('of what viewers saw', () => {
    const LOST = 'p1.0.1';
    const looked = (more: Buffer, attemptId = LOST): string[] => {
      const history = goodChaos();
      const kept = history.logs.get(attemptId)!.bytes;
      const bytes = Buffer.concat([kept, more]);
      history.seen.push({ attemptId, offset: 0, bytes, complete: true });
      return checkHistory(history).map(({ rule }) => rule);
    };

    it('let them be shown what a runner was lost with', () => {
      expect(looked(Buffer.from('and more'))).toEqual([]);
    });

    it('report what was kept otherwise than it was shown', () => {
      const history = goodChaos();
      history.seen.push({ attemptId: LOST, offset: 1, bytes: Buffer.from('other'), complete: false });
      expect(checkHistory(history).map(({ rule }) => rule)).toEqual(['viewersSawTheLog']);
    });

    it('report more than the log of a runner that was not lost', () => {
      expect(looked(Buffer.from('and more'), 'p1.0.2')).toEqual(['viewersSawTheLog']);
    });
  });

  it('have a violation planted for each of them, beside those of a single process', () => {
    const own = Object.keys(CHECKS).filter((rule) => !(rule in SHARED));

    expect(own.toSorted()).toEqual([...new Set(MUTANTS.map(([, rule]) => rule))].toSorted());
  });
});
