import { WebhookReceived } from '@foldline/contracts';
import { Refusal, type Decider } from '@foldline/kernel';
import { emitAll } from './emit-all.ts';

type WebhookEvent = ReturnType<typeof WebhookReceived>;
export type Delivery = WebhookEvent['data'];
type WebhookState = { received?: Delivery };
export type WebhookCommand = { type: 'RecordDelivery' } & WebhookEvent['data'];

const evolve = (state: WebhookState, { data }: WebhookEvent): WebhookState => {
  state.received = data;
  return state;
};

export const deliveryReused = (): Refusal =>
  new Refusal('delivery_reused', 'another delivery came under this id before');

type Sent = Pick<Delivery, 'event' | 'bytes' | 'bodySha256'>;

/** Throws a `Refusal` of code `delivery_reused` unless what comes now is what came then. */
export const mustBeTheSame = (then: Sent, now: Sent): void => {
  const sameBody = then.bodySha256 === undefined ? then.bytes === now.bytes : then.bodySha256 === now.bodySha256;
  if (then.event !== now.event || !sameBody) throw deliveryReused();
};

const decide = (data: Delivery, { received }: WebhookState): WebhookEvent[] => {
  if (!received) return [WebhookReceived(data)];
  mustBeTheSame(received, data);
  return [];
};

/** A delivery is recorded once; the forge may send it as often as it likes. */
export const webhookDecider: Decider<WebhookState, WebhookCommand, WebhookEvent> = {
  initialState: () => ({}),
  evolve,
  decide: ({ type: _type, ...data }, state) => emitAll(state, evolve, decide(data, state)),
};
