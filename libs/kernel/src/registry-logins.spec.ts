import { describe, expect, it } from '@jest/globals';
import { Refusal } from './errors.ts';
import { loginsIn, namesHelpers } from './registry-logins.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const auths = (entries: object): string => JSON.stringify({ auths: entries });

describe('the logins of registries', () => {
  it('are none where nothing says so', () => expect(loginsIn(undefined).size).toBe(0));

  it('are as docker login writes them, by the host of the registry', () =>
    expect([
      ...loginsIn(
        auths({
          'registry.example:5000': { auth: base64('ada:pass:word') },
          'https://index.docker.io/v1/': { username: 'eve', password: 'apple' },
        }),
      ),
    ]).toEqual([
      ['registry.example:5000', { username: 'ada', password: 'pass:word' }],
      ['docker.io', { username: 'eve', password: 'apple' }],
    ]));

  it.each(['no JSON', '{}', auths({ x: { auth: base64('nobody') } }), auths({ x: {} })])('are refused as %s', (text) =>
    expect(() => loginsIn(text)).toThrow(Refusal),
  );

  it('are none of those that a helper keeps', () => {
    const store = JSON.stringify({ credsStore: 'desktop', auths: { 'https://index.docker.io/v1/': {} } });
    const helpers = JSON.stringify({ credHelpers: { 'r.example': 'ecr-login' } });
    const both = JSON.stringify({ credHelpers: {}, auths: { 'r.example': { auth: base64('ada:pass') } } });
    expect([store, helpers, both].map((text) => [loginsIn(text).size, namesHelpers(text)])).toEqual([
      [0, true],
      [0, true],
      [1, false],
    ]);
    expect(namesHelpers(undefined) || namesHelpers('no JSON') || namesHelpers('[]')).toBe(false);
  });

  it('are never repeated in what refuses them', () =>
    expect(() => loginsIn('hunter2')).toThrow(/^(?!.*hunter2).*DOCKER_AUTH_CONFIG/));
});
