import { describe, expect, it } from '@jest/globals';
import { TransientError } from '@foldline/kernel';
import { checkTarget, type Resolve } from './target.ts';

const names =
  (...addresses: string[]): Resolve =>
  async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

describe('the target of a message', () => {
  it('has all addresses of its name', async () => {
    const { addresses } = await checkTarget('https://hooks.example.com/x', false, names('1.1.1.1', '2606:4700::1111'));
    expect(addresses.map(({ address }) => address)).toEqual(['1.1.1.1', '2606:4700::1111']);
  });

  it.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://①②⑦.0.0.1/',
    'http:\\\\169.254.169.254/latest',
    'http://[::1]:8080/',
    'http://[::ffff:10.0.0.1]/',
    'https://localhost/',
  ])('is refused when it is %s', (address) =>
    expect(checkTarget(address, false)).rejects.toMatchObject({ code: 'private_target' }),
  );

  it('is refused when only one of its addresses is private', () =>
    expect(checkTarget('https://mixed.example.com/', false, names('1.1.1.1', '10.0.0.1'))).rejects.toMatchObject({
      code: 'private_target',
    }));

  it('may be private where that is allowed', async () =>
    expect((await checkTarget('http://127.0.0.1:9/', true)).addresses).toEqual([{ address: '127.0.0.1', family: 4 }]));

  it.each(['ftp://example.com/', 'file:///etc/passwd', 'nonsense', '', 'https://user:pass@example.com/'])(
    'is refused when it is no plain web address: "%s"',
    (address) => expect(checkTarget(address, true, names('1.1.1.1'))).rejects.toMatchObject({ code: 'invalid_target' }),
  );

  it('can be tried later when its name has no address now', async () => {
    const unknown = () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
    await expect(checkTarget('https://gone.example.com/', true, unknown)).rejects.toThrow(TransientError);
    await expect(checkTarget('https://gone.example.com/', true, names())).rejects.toThrow(TransientError);
  });
});
