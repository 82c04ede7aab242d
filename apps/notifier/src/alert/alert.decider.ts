import {
  AlertFired,
  AlertResolved,
  type AlertRuleName,
  type AlertTransition,
  type EventsOf,
} from '@foldline/contracts';
import { Decision, type Decider } from '@foldline/kernel';

type Project = { projectId: string; project: string };
/** How many jobs of the project wait, at this moment. */
export type Queue = { isBeyond: boolean; waiting: number; threshold: number; at: string };

export type AlertCommand =
  | ({ type: 'RecordTransitions'; transitions: readonly AlertTransition[] } & Project)
  | ({ type: 'JudgeQueue'; queue: Queue } & Project);

export type AlertEvent = EventsOf<{ AlertFired: typeof AlertFired; AlertResolved: typeof AlertResolved }>;

export type AlertState = {
  /** The last of the transitions that were recorded. */
  recorded: number;
  /** Alerts that go on, by rule. */
  firing: Map<AlertRuleName, string>;
  /** How often something fired. */
  fired: number;
};

/** What of a transition is told, whoever found it. */
type Change = Omit<AlertTransition, 'number'> & { number?: number };

/**
 * The alerts of a project. Their transitions are found where the events are folded; here each is recorded once, in its
 * turn, so that it is told once. Whether many jobs wait is judged here, for no event says so.
 */
export const alertDecider: Decider<AlertState, AlertCommand, AlertEvent> = {
  initialState: () => ({ recorded: 0, firing: new Map(), fired: 0 }),

  evolve: (state, { type, data }) => {
    state.recorded = Math.max(state.recorded, data.number ?? 0);
    if (type === 'AlertFired') {
      state.fired += 1;
      state.firing.set(data.rule, data.alertId);
    } else {
      state.firing.delete(data.rule);
    }
    return state;
  },

  decide: (command, state) => {
    const decision = new Decision<AlertState, AlertEvent>(state, alertDecider.evolve);
    for (const change of changesIn(command, state)) {
      const { isFiring, ...measured } = change;
      const { projectId, project } = command;
      const alertId = state.firing.get(change.rule);
      if (isFiring && alertId === undefined) {
        const about = { alertId: `${projectId}.${decision.state.fired + 1}`, projectId, project };
        decision.emit(AlertFired({ ...about, ...measured }));
      } else if (!isFiring && alertId !== undefined) {
        decision.emit(AlertResolved({ alertId, projectId, project, ...measured }));
      }
    }
    return decision.events;
  },
};

const changesIn = (command: AlertCommand, { recorded }: AlertState): Change[] => {
  if (command.type === 'RecordTransitions') return command.transitions.filter(({ number }) => number > recorded);
  const { isBeyond: isFiring, waiting, threshold, at } = command.queue;
  return [{ rule: 'queue_depth', isFiring, value: waiting, threshold, count: waiting, at }];
};
