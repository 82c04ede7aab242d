import { describe, expect, it } from '@jest/globals';
import { nameServersIn } from './name-servers.ts';

describe('The name servers of a host', () => {
  it('are those that its containers reach, in their order', () =>
    expect(nameServersIn('# names\nsearch corp\nnameserver 10.0.0.2\n nameserver\tfd00::2 # second\n')).toEqual([
      '10.0.0.2',
      'fd00::2',
    ]));

  it('are not those on its loopback', () =>
    expect(nameServersIn('nameserver 127.0.0.53\nnameserver ::1\n#nameserver 10.0.0.2\n')).toEqual([]));
});
