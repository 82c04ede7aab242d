import { SubscriptionCreated, SubscriptionRemoved, type EventsOf } from '@foldline/contracts';
import { Decision, type Decider } from '@foldline/kernel';

export type Subscription = ReturnType<typeof SubscriptionCreated>['data'];

/** Removed for good: a removed subscription never comes back under its id. */
export type SubscriptionState = { status: 'none' | 'active' | 'removed'; subscription?: Subscription };

export type SubscriptionCommand =
  { type: 'CreateSubscription'; subscription: Subscription } | { type: 'RemoveSubscription' };

export type SubscriptionEvent = EventsOf<{
  SubscriptionCreated: typeof SubscriptionCreated;
  SubscriptionRemoved: typeof SubscriptionRemoved;
}>;

/** Who is told about the pipelines of a project, where, and about which results. */
export const subscriptionDecider: Decider<SubscriptionState, SubscriptionCommand, SubscriptionEvent> = {
  initialState: () => ({ status: 'none' }),

  evolve: (state, event) => {
    if (event.type === 'SubscriptionCreated') {
      state.status = 'active';
      state.subscription = event.data;
    } else {
      state.status = 'removed';
      delete state.subscription;
    }
    return state;
  },

  decide: (command, state) => {
    const decision = new Decision<SubscriptionState, SubscriptionEvent>(state, subscriptionDecider.evolve);
    if (command.type === 'CreateSubscription') {
      if (state.status === 'none') decision.emit(SubscriptionCreated(command.subscription));
    } else if (state.subscription) {
      const { subscriptionId, projectId } = state.subscription;
      decision.emit(SubscriptionRemoved({ subscriptionId, projectId }));
    }
    return decision.events;
  },
};
