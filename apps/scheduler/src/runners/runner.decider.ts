import {
  RunnerDraining,
  RunnerLost,
  RunnerRegistered,
  evolveRunner,
  hasEnded,
  isDraining,
  newRunnerHistory,
  type RunnerEvent,
  type RunnerHello,
  type RunnerHistory,
} from '@foldline/contracts';
import { Decision, type Decider } from '@foldline/kernel';

export type RunnerCommand =
  | ({ type: 'RegisterRunner' } & Omit<RunnerHello, 'number' | 'draining'>)
  | { type: 'DrainRunner'; runnerId: string; epoch: string }
  | { type: 'LoseRunner'; runnerId: string; epoch: string; because: string; inOrder?: boolean };

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
    switch (command.type) {
      case 'RegisterRunner':
        register(command, decision);
        break;
      case 'DrainRunner':
        drain(command, decision);
        break;
      case 'LoseRunner':
        lose(command, decision);
        break;
    }
    return decision.events;
  },
};

export const isCurrent = (history: RunnerHistory, epoch: string): boolean =>
  history.epoch === epoch && !hasEnded(history, epoch);

type RunnerDecision = Decision<RunnerHistory, RunnerEvent>;
type Of<Type extends RunnerCommand['type']> = Extract<RunnerCommand, { type: Type }>;

const drain = ({ runnerId, epoch }: Of<'DrainRunner'>, decision: RunnerDecision): void => {
  const { state } = decision;
  if (isCurrent(state, epoch) && !isDraining(state, epoch)) decision.emit(RunnerDraining({ runnerId, epoch }));
};

const lose = ({ runnerId, epoch, because, inOrder }: Of<'LoseRunner'>, decision: RunnerDecision): void => {
  if (!isCurrent(decision.state, epoch)) return;
  decision.emit(RunnerLost({ runnerId, epoch, because, ...(inOrder ? { inOrder } : {}) }));
};

const register = ({ runnerId, epoch, offer, alone }: Of<'RegisterRunner'>, decision: RunnerDecision): void => {
  const { state } = decision;
  const before = state.epoch;
  if (state.known.has(epoch) && !isCurrent(state, epoch)) return;
  if (before === epoch && JSON.stringify(state.offer) === JSON.stringify(offer)) return;
  if (before !== undefined && before !== epoch && !alone && isCurrent(state, before)) {
    decision.emit(RunnerLost({ runnerId, epoch: before, because: 'a later process of this runner took its place' }));
  }
  decision.emit(RunnerRegistered({ runnerId, epoch, offer }));
};
