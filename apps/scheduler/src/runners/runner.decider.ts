import {
  RunnerLost,
  RunnerRegistered,
  evolveRunner,
  hasEnded,
  newRunnerHistory,
  type RunnerEvent,
  type RunnerHello,
  type RunnerHistory,
} from '@foldline/contracts';
import { Decision, type Decider } from '@foldline/kernel';

export type RunnerCommand =
  | ({ type: 'RegisterRunner' } & Omit<RunnerHello, 'number'>)
  | { type: 'LoseRunner'; runnerId: string; epoch: string; because: string };

/**
 * A runner is recorded when its epoch is new or what it offers has changed; its repeated greetings say nothing new, and
 * those of an epoch that is over come too late. A new epoch ends the one before, unless the runner knows that nobody is
 * left of it.
 */
export const runnerDecider: Decider<RunnerHistory, RunnerCommand, RunnerEvent> = {
  initialState: newRunnerHistory,
  evolve: evolveRunner,
  decide: (command, state) => {
    const decision = new Decision<RunnerHistory, RunnerEvent>(state, evolveRunner);
    if (command.type === 'LoseRunner') {
      const { runnerId, epoch, because } = command;
      if (isCurrent(state, epoch)) decision.emit(RunnerLost({ runnerId, epoch, because }));
      return decision.events;
    }
    register(command, decision);
    return decision.events;
  },
};

export const isCurrent = (history: RunnerHistory, epoch: string): boolean =>
  history.epoch === epoch && !hasEnded(history, epoch);

const register = (
  { runnerId, epoch, offer, alone }: Extract<RunnerCommand, { type: 'RegisterRunner' }>,
  decision: Decision<RunnerHistory, RunnerEvent>,
): void => {
  const { state } = decision;
  const before = state.epoch;
  if (state.known.has(epoch) && !isCurrent(state, epoch)) return;
  if (before === epoch && JSON.stringify(state.offer) === JSON.stringify(offer)) return;
  if (before !== undefined && before !== epoch && !alone && isCurrent(state, before)) {
    decision.emit(RunnerLost({ runnerId, epoch: before, because: 'a later process of this runner took its place' }));
  }
  decision.emit(RunnerRegistered({ runnerId, epoch, offer }));
};
