import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { signingKeyOf } from '@foldline/kernel';
import { signatureHeaders } from './webhook-signature.ts';

describe('the signature of a webhook', () => {
  it('is the one of the Standard Webhooks test vector', () => {
    const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
    const at = new Date(1_614_265_330_000).toISOString();
    expect(signatureHeaders(key, 'msg_p5jXN8AQM9LWM0D4loKWxJek', at, '{"test": 2432232314}')).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('has a key of its own for every subscription and every instance', () => {
    const instance = (key: string) => ({
      keyFor: (purpose: string) => createHmac('sha256', key).update(purpose).digest(),
    });
    const [one, other] = [instance('one'), instance('other')];
    const keys = [signingKeyOf(one, 's1'), signingKeyOf(one, 's2'), signingKeyOf(other, 's1')];
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(3);
  });
});
