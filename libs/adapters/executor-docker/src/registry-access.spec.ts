import { describe, expect, it } from '@jest/globals';
import { accessTo, registryOf } from './registry-access.ts';

const auth = (user: string, password: string): { auth: string } => ({
  auth: Buffer.from(`${user}:${password}`).toString('base64'),
});
const file = (auths: object): string => JSON.stringify({ auths });

describe('The registry of an image', () => {
  it.each([
    ['node:22', 'docker.io'],
    ['library/node', 'docker.io'],
    ['localhost/app', 'localhost'],
    ['127.0.0.1:5000/app@sha256:00', '127.0.0.1:5000'],
    ['registry.example.com/a/b:1', 'registry.example.com'],
  ])('%s is in %s', (image, registry) => expect(registryOf(image)).toBe(registry));
});

describe('Credentials for a registry', () => {
  it('are those under its host, and a password may have colons', () =>
    expect(accessTo('r.example.com/a:1', [file({ 'r.example.com': auth('ada', 'a:b') })])).toEqual({
      username: 'ada',
      password: 'a:b',
      serveraddress: 'r.example.com',
    }));

  it('are those of the job before those of the runner', () => {
    const [job, runner] = ['job', 'runner'].map((user) => file({ 'r.example.com': auth(user, 'x') }));
    expect(accessTo('r.example.com/a:1', [job, runner])).toMatchObject({ username: 'job' });
    expect(accessTo('r.example.com/a:1', [file({ other: auth('no', 'x') }), runner])).toMatchObject({
      username: 'runner',
    });
  });

  it('are found under the names that Docker has for its own registry', () =>
    expect(accessTo('node:22', [file({ 'https://index.docker.io/v1/': auth('ada', 'x') })])).toMatchObject({
      username: 'ada',
    }));

  it('are none where nobody has any', () => {
    expect(accessTo('node:22', [undefined, '', file({ 'r.example.com': auth('ada', 'x') })])).toBeUndefined();
    expect(accessTo('node:22', ['{}'])).toBeUndefined();
  });

  it('that cannot be read are told as that, without what they say', () => {
    const ask = (): unknown => accessTo('node:22', ['{"auths": secret']);
    expect(ask).toThrow(expect.objectContaining({ reason: 'image_access_denied' }));
    expect(ask).not.toThrow(/secret/);
  });
});
