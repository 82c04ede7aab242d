import { RunnerRegistered, type EventsOf, type RunnerOffer } from '@foldline/contracts';
import type { Decider } from '@foldline/kernel';

export type RunnerHello = { runnerId: string; epoch: string; offer: RunnerOffer };

type State = { epoch?: string; offer?: RunnerOffer };
type Command = { type: 'RegisterRunner' } & RunnerHello;

/** A runner is recorded when its process is new or what it offers has changed; its repeated greetings say nothing new. */
export const runnerDecider: Decider<State, Command, EventsOf<{ RunnerRegistered: typeof RunnerRegistered }>> = {
  initialState: () => ({}),
  evolve: (state, { data: { epoch, offer } }) => Object.assign(state, { epoch, offer }),
  decide: ({ runnerId, epoch, offer }, state) => {
    if (state.epoch === epoch && JSON.stringify(state.offer) === JSON.stringify(offer)) return [];
    const registered = RunnerRegistered({ runnerId, epoch, offer });
    runnerDecider.evolve(state, registered);
    return [registered];
  },
};
