import { IdempotencyKeyUsed } from '@foldline/contracts';
import { Refusal, type Decider } from '@foldline/kernel';

type KeyEvent = ReturnType<typeof IdempotencyKeyUsed>;
type KeyCommand = { type: 'UseIdempotencyKey' } & KeyEvent['data'];
type KeyState = { bodyDigest?: string };

/** One idempotency key names one request: the first body it came with. */
export const idempotencyDecider: Decider<KeyState, KeyCommand, KeyEvent> = {
  initialState: () => ({}),
  evolve: (state, { data }) => {
    state.bodyDigest = data.bodyDigest;
    return state;
  },
  decide: ({ type: _type, ...data }, state) => {
    if (state.bodyDigest === undefined) return [IdempotencyKeyUsed(data)];
    if (state.bodyDigest === data.bodyDigest) return [];
    throw new Refusal('idempotency_key_reused', 'this idempotency key came with another request before');
  },
};
