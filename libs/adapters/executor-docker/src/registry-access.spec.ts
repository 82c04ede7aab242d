import { describe, expect, it } from '@jest/globals';
import { accessTo } from './registry-access.ts';

const file = (host: string, user: string): string =>
  JSON.stringify({ auths: { [host]: { auth: Buffer.from(`${user}:a:b`).toString('base64') } } });
const NOBODY = { ofJob: undefined, ofRunner: undefined };

describe('Credentials for a registry', () => {
  it('are those under its host', () =>
    expect(accessTo('r.example.com/a:1', { ...NOBODY, ofJob: file('r.example.com', 'ada') })).toEqual({
      username: 'ada',
      password: 'a:b',
      serveraddress: 'r.example.com',
    }));

  it('are those of the job before those of the runner', () => {
    const ofRunner = file('r.example.com', 'runner');
    const ask = (ofJob: string) => accessTo('r.example.com/a:1', { ofJob, ofRunner });
    expect(ask(file('r.example.com', 'job'))).toMatchObject({ username: 'job' });
    expect(ask(file('other.example.com', 'job'))).toMatchObject({ username: 'runner' });
  });

  it('are none where nobody has any, or the runner has them in a helper', () => {
    expect(accessTo('node:22', NOBODY)).toBeUndefined();
    const ofRunner = JSON.stringify({ auths: { 'https://index.docker.io/v1/': {} }, credsStore: 'desktop' });
    expect(accessTo('node:22', { ...NOBODY, ofRunner })).toBeUndefined();
  });

  it('of the job that cannot be read are told as that, without what they say', () => {
    const ask = (): unknown => accessTo('node:22', { ...NOBODY, ofJob: '{"auths": hunter2' });
    expect(ask).toThrow(expect.objectContaining({ code: 'variable_invalid' }));
    expect(ask).not.toThrow(/hunter2/);
  });
});
