import type { History, Violation } from '../faults/check-history.mjs';

/** A message of the topic of events, in the order of its partition. */
export type Published = { eventId: string; stream: string; key: string; revision: number; type: string };

/** What a run of the distributed mode left behind. */
export type ChaosHistory = History & {
  topic: Published[];
  /** What each process says that it handled, where it was asked to. */
  handled: {
    process: string;
    events: { group: string; id: string; stream: string; key: string; revision: number }[];
  }[];
  /** Nobody was struck since the start: then nothing has a reason to be delivered twice to one process. */
  undisturbed: boolean;
  /** Strikes that were planned and did not come about, each with the reason. */
  unmade: string[];
  convergence: { ms: number; open: string[]; withinMs: number };
};

export const CHECKS: Record<string, (history: ChaosHistory) => string[]>;
export function checkHistory(history: ChaosHistory): Violation[];
