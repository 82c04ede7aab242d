import { WebhookReceived } from '@foldline/contracts';
import type { Decider } from '@foldline/kernel';

type WebhookEvent = ReturnType<typeof WebhookReceived>;
export type WebhookCommand = { type: 'RecordDelivery' } & WebhookEvent['data'];

/** A delivery is recorded once; the forge may send it as often as it likes. */
export const webhookDecider: Decider<{ received: boolean }, WebhookCommand, WebhookEvent> = {
  initialState: () => ({ received: false }),
  evolve: (state) => {
    state.received = true;
    return state;
  },
  decide: ({ type: _type, ...data }, { received }) => (received ? [] : [WebhookReceived(data)]),
};
