import { describe, expect, it } from '@jest/globals';
import { mayCall } from './may-call.ts';

const engine = { owner: 'ada', name: 'engine' };

describe('A project', () => {
  it.each([[['ada/engine']], [['Ada/Engine']], [['bob/x', 'ada/*']]])(
    'may call another whose callers are %j',
    (callers) => expect(mayCall(callers, engine)).toBe(true),
  );

  it.each([[undefined], [[]], [['ada/engines']], [['ada']], [['*/engine']], [['*']], [['*/*']], [['adam/*']]])(
    'may not call another whose callers are %j',
    (callers) => expect(mayCall(callers, engine)).toBe(false),
  );
});
