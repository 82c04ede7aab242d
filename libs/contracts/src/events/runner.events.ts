import { z } from 'zod';
import { defineEvent, type EventsOf } from '../event.ts';
import { runnerOffer, text, type RunnerOffer } from './shared.schemas.ts';

/** A runner process offers itself; `epoch` is new each time its process starts or has lost its lease. */
export const RunnerRegistered = defineEvent(
  'RunnerRegistered',
  1,
  z.object({ runnerId: text, epoch: text, offer: runnerOffer }),
);

/**
 * The runner finishes what it has begun and begins nothing more: what was assigned under this epoch or one before it
 * and was not started when this was said is given to others at once.
 */
export const RunnerDraining = defineEvent('RunnerDraining', 1, z.object({ runnerId: text, epoch: text }));

/**
 * Ends this epoch and all before it: what was assigned under them is given to others, at once when it had not been
 * begun when this was said, and else after the grace period.
 */
export const RunnerLost = defineEvent(
  'RunnerLost',
  1,
  z.object({
    runnerId: text,
    epoch: text,
    because: text,
    /** It was stopped and said goodbye: nothing that it ran is alive. */
    inOrder: z.boolean().optional(),
  }),
);

export type RunnerEvent = EventsOf<{
  RunnerRegistered: typeof RunnerRegistered;
  RunnerDraining: typeof RunnerDraining;
  RunnerLost: typeof RunnerLost;
}>;

/** What the events of one runner's stream come to; scheduler and runner read them in the same way. */
export type RunnerHistory = {
  /** The last that registered. */
  epoch?: string;
  offer?: RunnerOffer;
  /** Every epoch that ever registered. */
  known: Set<string>;
  /** Those under which nothing more is begun. */
  draining: Set<string>;
  /** Those whose jobs are given to others. */
  ended: Set<string>;
};

export const newRunnerHistory = (): RunnerHistory => ({ known: new Set(), draining: new Set(), ended: new Set() });

/** Changes the history in place. */
export const evolveRunner = (history: RunnerHistory, event: RunnerEvent): RunnerHistory => {
  if (event.type === 'RunnerLost') {
    history.ended = new Set([...history.known, event.data.epoch]);
    return history;
  }
  if (event.type === 'RunnerDraining') {
    history.draining = new Set([...history.known, event.data.epoch]);
    return history;
  }
  history.epoch = event.data.epoch;
  history.offer = event.data.offer;
  history.known.add(event.data.epoch);
  return history;
};

/** Assignments of early releases name no epoch: they lie before every epoch that has ended. */
export const hasEnded = ({ ended }: RunnerHistory, epoch: string | undefined): boolean =>
  epoch === undefined ? ended.size > 0 : ended.has(epoch);

/** Whether nothing that was assigned under the epoch is begun any more. */
export const isDraining = ({ draining }: RunnerHistory, epoch: string | undefined): boolean =>
  epoch === undefined ? draining.size > 0 : draining.has(epoch);
