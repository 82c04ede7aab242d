import { WebhookReceived } from '@foldline/contracts';
import type { Decider } from '@foldline/kernel';
import { emitAll } from './emit-all.ts';

type WebhookEvent = ReturnType<typeof WebhookReceived>;
type WebhookState = { received: boolean };
export type WebhookCommand = { type: 'RecordDelivery' } & WebhookEvent['data'];

const evolve = (state: WebhookState): WebhookState => {
  state.received = true;
  return state;
};

/** A delivery is recorded once; the forge may send it as often as it likes. */
export const webhookDecider: Decider<WebhookState, WebhookCommand, WebhookEvent> = {
  initialState: () => ({ received: false }),
  evolve,
  decide: ({ type: _type, ...data }, state) => emitAll(state, evolve, state.received ? [] : [WebhookReceived(data)]),
};
