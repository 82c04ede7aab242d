import { IdempotencyKeyUsed } from '@foldline/contracts';
import { Refusal, type Decider } from '@foldline/kernel';
import { emitAll } from './emit-all.ts';

type KeyEvent = ReturnType<typeof IdempotencyKeyUsed>;
type KeyCommand = { type: 'UseIdempotencyKey' } & KeyEvent['data'];
type KeyState = { bodyDigest?: string };

const evolve = (state: KeyState, { data }: KeyEvent): KeyState => {
  state.bodyDigest = data.bodyDigest;
  return state;
};

const decide = ({ type: _type, ...data }: KeyCommand, { bodyDigest }: KeyState): KeyEvent[] => {
  if (bodyDigest === undefined) return [IdempotencyKeyUsed(data)];
  if (bodyDigest === data.bodyDigest) return [];
  throw new Refusal('idempotency_key_reused', 'this idempotency key came with another request before');
};

/** One idempotency key names one request: the first body it came with. */
export const idempotencyDecider: Decider<KeyState, KeyCommand, KeyEvent> = {
  initialState: () => ({}),
  evolve,
  decide: (command, state) => emitAll(state, evolve, decide(command, state)),
};
