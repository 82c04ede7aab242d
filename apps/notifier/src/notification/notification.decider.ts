import {
  NotificationAbandoned,
  NotificationAttempted,
  NotificationDelivered,
  NotificationRequested,
  type EventsOf,
} from '@foldline/contracts';
import { Decision, type Decider } from '@foldline/kernel';

export type Notification = ReturnType<typeof NotificationRequested>['data'];

/** What came of one try: the status that the receiver answered, or why there was no answer. */
export type TryResult = { status?: number; error?: string; durationMs: number };

export type NotificationState = {
  status: 'none' | 'pending' | 'delivered' | 'abandoned';
  /** Tries that were recorded. */
  attempts: number;
  notification?: Notification;
};

export type NotificationCommand =
  | { type: 'RequestNotification'; notification: Notification }
  | { type: 'RecordTry'; attempt: number; result: TryResult }
  | { type: 'AbandonNotification'; because: string };

export type NotificationEvent = EventsOf<{
  NotificationRequested: typeof NotificationRequested;
  NotificationAttempted: typeof NotificationAttempted;
  NotificationDelivered: typeof NotificationDelivered;
  NotificationAbandoned: typeof NotificationAbandoned;
}>;

/** Milliseconds to wait after the first, second, … try that failed. The try after the last one is the last. */
export const PAUSES_MS: readonly number[] = [1_000, 5_000, 30_000, 120_000, 600_000];
const MOST_TRIES = PAUSES_MS.length + 1;
/** Refusals that may not last: timeout, too early, too many. Every other 4xx is for ever. */
const PASSING_REFUSALS = new Set([408, 425, 429]);

/** One message to one receiver: tried until it is accepted, refused for good, or tried often enough. */
export const notificationDecider: Decider<NotificationState, NotificationCommand, NotificationEvent> = {
  initialState: () => ({ status: 'none', attempts: 0 }),

  evolve: (state, event) => {
    switch (event.type) {
      case 'NotificationRequested':
        state.status = 'pending';
        state.notification = event.data;
        break;
      case 'NotificationAttempted':
        state.attempts = event.data.attempt;
        break;
      case 'NotificationDelivered':
        state.status = 'delivered';
        break;
      case 'NotificationAbandoned':
        state.status = 'abandoned';
        break;
    }
    return state;
  },

  decide: (command, state) => {
    const decision = new Decision<NotificationState, NotificationEvent>(state, notificationDecider.evolve);
    if (command.type === 'RequestNotification') {
      if (state.status === 'none') decision.emit(NotificationRequested(command.notification));
    } else if (state.status === 'pending' && state.notification) {
      const { notificationId, subscriptionId } = state.notification;
      const names = { notificationId, subscriptionId };
      if (command.type === 'AbandonNotification') {
        decision.emit(NotificationAbandoned({ ...names, because: command.because }));
      } else if (command.attempt === state.attempts + 1) {
        recordTry(decision, names, command.attempt, command.result);
      }
    }
    return decision.events;
  },
};

const recordTry = (
  decision: Decision<NotificationState, NotificationEvent>,
  names: { notificationId: string; subscriptionId: string },
  attempt: number,
  result: TryResult,
): void => {
  const { status = 0 } = result;
  decision.emit(NotificationAttempted({ ...names, attempt, ...result }));
  if (status >= 200 && status < 300) {
    decision.emit(NotificationDelivered({ ...names, attempt }));
  } else if (status >= 400 && status < 500 && !PASSING_REFUSALS.has(status)) {
    decision.emit(NotificationAbandoned({ ...names, because: `the receiver refused it with status ${status}` }));
  } else if (attempt >= MOST_TRIES) {
    const last = result.error ?? `status ${status}`;
    decision.emit(NotificationAbandoned({ ...names, because: `${attempt} tries failed, the last with ${last}` }));
  }
};
