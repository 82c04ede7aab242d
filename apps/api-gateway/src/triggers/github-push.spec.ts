import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Refusal } from '@foldline/kernel';
import { readPush } from './github-push.ts';
import { isSigned } from './webhook-signature.ts';

const push = {
  ref: 'refs/heads/feature/gears',
  after: 'a'.repeat(40),
  deleted: false,
  repository: {
    full_name: 'ada/engine',
    clone_url: 'https://forge.example/ada/engine.git',
    ssh_url: 'git@forge.example:ada/engine.git',
  },
};

describe('a push', () => {
  it('names the branch, the commit and the repository', () =>
    expect(readPush(push)).toEqual({
      starts: true,
      ref: { name: 'feature/gears', kind: 'branch' },
      sha: push.after,
      repository: { fullName: 'ada/engine', urls: [push.repository.clone_url, push.repository.ssh_url] },
    }));
  it('tells what the branch was before', () =>
    expect(readPush({ ...push, before: 'b'.repeat(40) })).toMatchObject({ before: 'b'.repeat(40) }));
  it('may be of a tag', () =>
    expect(readPush({ ...push, ref: 'refs/tags/v1' })).toMatchObject({ ref: { name: 'v1', kind: 'tag' } }));

  it.each([
    ['a deleted branch', { deleted: true }],
    ['a commit of zeros', { after: '0'.repeat(40) }],
    ['neither a branch nor a tag', { ref: 'refs/pull/1/head' }],
    ['a name that reads as an option', { ref: 'refs/heads/--upload-pack=x' }],
    ['a name that git would not allow', { ref: 'refs/heads/a..b' }],
  ])('starts nothing for %s', (_what, change) =>
    expect(readPush({ ...push, ...change })).toMatchObject({ starts: false }),
  );

  it.each([
    [null],
    [[]],
    ['x'],
    [1],
    [{}],
    [{ ...push, ref: ['refs/heads/main'] }],
    [{ ...push, after: 'HEAD' }],
    [{ ...push, repository: null }],
  ])('is refused, not thrown up on, when it is %j', (body) => {
    expect(() => readPush(body)).toThrow(Refusal);
  });
});

describe('a signature', () => {
  const body = Buffer.from('{"a":1}');
  const sign = (secret: string) => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;

  it('holds for the very bytes and the very secret', () => expect(isSigned(body, sign('secret'), 'secret')).toBe(true));
  it.each([
    ['another secret', sign('other')],
    ['no signature', undefined],
    ['an empty one', ''],
    ['several', [sign('secret'), sign('secret')]],
    ['the old algorithm', 'sha1=abc'],
    ['one cut short', sign('secret').slice(0, -2)],
    ['upper case', sign('secret').toUpperCase()],
  ])('does not hold with %s', (_what, header) => expect(isSigned(body, header, 'secret')).toBe(false));
  it('does not hold for other bytes', () =>
    expect(isSigned(Buffer.from('{"a": 1}'), sign('secret'), 'secret')).toBe(false));
  it('never holds when no secret is set', () => expect(isSigned(body, sign(''), '')).toBe(false));
});
