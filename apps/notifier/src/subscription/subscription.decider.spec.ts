import { describe, it } from '@jest/globals';
import { SubscriptionCreated, SubscriptionRemoved } from '@foldline/contracts';
import { givenWhenThen } from '@foldline/testing';
import { subscriptionDecider, type Subscription } from './subscription.decider.ts';

const given = givenWhenThen(subscriptionDecider);

const subscription: Subscription = {
  subscriptionId: 's1',
  projectId: 'pr1',
  channel: { kind: 'slack', sealedUrl: 'v1.sealed', host: 'hooks.slack.com' },
  on: ['failed'],
};
const created = SubscriptionCreated(subscription);
const removed = SubscriptionRemoved({ subscriptionId: 's1', projectId: 'pr1' });

describe('a subscription', () => {
  it('is created as requested', () => given().when({ type: 'CreateSubscription', subscription }).then(created));
  it('is created once', () => given(created).when({ type: 'CreateSubscription', subscription }).thenNothing());
  it('is removed', () => given(created).when({ type: 'RemoveSubscription' }).then(removed));
  it('is removed once', () => given(created, removed).when({ type: 'RemoveSubscription' }).thenNothing());
  it('is not removed before it is there', () => given().when({ type: 'RemoveSubscription' }).thenNothing());
  it('does not come back when its request arrives again', () =>
    given(created, removed).when({ type: 'CreateSubscription', subscription }).thenNothing());
});
