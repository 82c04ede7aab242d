import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { CacheSpec } from '@foldline/contracts';
import { Refusal, TransientError } from '@foldline/kernel';
import { absent } from '@foldline/testing';
import { jobWith, prepareCaches, restored, saved } from './job-caches.fixture.ts';

const suite = (): void => {
  it('misses when nobody has saved it', async () => {
    expect(await restored({})).toEqual([undefined, 'miss']);
  });

  it('comes back under its key', async () => {
    await saved('deps', 'saved');

    expect(await restored({})).toEqual(['saved', 'hit']);
  });

  it('is without the repository’s history, which holds its credentials, when it is everything', async () => {
    const job = jobWith({ paths: ['**'] });
    await job.run(() => {
      job.write('.git/config', 'token');
      job.write('a', 'a');
    });

    expect(job.facts.at(-1)).toMatchObject({ type: 'CacheUploaded', data: { files: 1, bytes: 1 } });
  });

  it('is told with its size', async () => {
    const job = await saved('deps', 'saved');

    expect(job.facts).toMatchObject([
      { type: 'CacheRestored', data: { key: 'deps', result: 'miss', files: 0, bytes: 0 } },
      { type: 'CacheUploaded', data: { key: 'deps', scope: 'unprotected', files: 1, bytes: 5 } },
    ]);
    expect(job.lines).toEqual(['No cache for deps', 'Saved cache deps: 1 files, 5 bytes']);
  });

  it('says what of it could not be kept', async () => {
    const job = jobWith({});
    await job.run(() => {
      job.write('node_modules/which', 'here');
      job.write('node_modules/a\\b', 'left out');
    });

    expect(job.lines).toContain('WARNING a file was left out: its path has control characters or backslashes');
    expect(job.facts.at(-1)).toMatchObject({ type: 'CacheUploaded', data: { files: 1 } });
  });

  it('that cannot be kept is told, and the job goes on', async () => {
    const job = jobWith({});
    job.scene.layers.save = () => Promise.reject(new Refusal('tree_too_large', 'there are too many files to keep'));
    await job.run(() => job.write('node_modules/which', 'here'));

    expect(job.lines).toContain('WARNING cache deps was not saved: there are too many files to keep');
    expect(job.facts.map(({ type }) => type)).toEqual(['CacheRestored']);
  });

  it('waits for stores that do not answer as everything does that a job keeps', async () => {
    const job = jobWith({});
    const gone = new TransientError('the object store does not answer');
    job.scene.layers.save = () => Promise.reject(gone);

    await expect(job.run(() => job.write('node_modules/which', 'here'))).rejects.toBe(gone);
  });

  it('has the variables of the job in its key and its paths', async () => {
    const variables = { CI_COMMIT_REF_SLUG: 'main', DIR: 'node_modules' };
    const job = jobWith({ key: { text: '${CI_COMMIT_REF_SLUG}-deps' }, paths: ['$DIR/'] }, { variables });
    await job.run(() => job.write('node_modules/which', 'main'));

    expect(await restored({ key: { text: 'main-deps' } })).toEqual(['main', 'hit']);
  });

  it('is called default when its key comes to nothing', async () => {
    await saved('$NOTHING', 'saved');

    expect(await restored({ key: { text: 'default' } })).toEqual(['saved', 'hit']);
  });

  it('shows no secret in its key', async () => {
    const job = await saved('deps-$TOKEN', 'x', { variables: { TOKEN: 'hunter2-long' }, secrets: ['hunter2-long'] });

    expect(JSON.stringify([job.facts, job.lines])).not.toContain('hunter2');
  });

  it.each([
    ['a/./b', 'a/b'],
    ['a//b', 'a/b'],
    ['a%2fb', 'a/b'],
    ['main-protected', 'main'],
    ['Main', 'main'],
    ['caf\u00E9', 'cafe\u0301'],
    ['../deps', 'deps'],
  ])('called %j is not the one called %j', async (one, other) => {
    await saved(one, 'one');

    expect(await restored({ key: { text: other } })).toEqual([undefined, 'miss']);
    expect(await restored({ key: { text: one } })).toEqual(['one', 'hit']);
  });

  describe('that misses its key', () => {
    it('comes from the first fallback key there is', async () => {
      await saved('second', '2');
      await saved('third', '3');

      const fallbackKeys = ['first', 'second', 'third'];
      expect(await restored({ key: { text: 'none' }, fallbackKeys })).toEqual(['2', 'fallback']);
    });

    it('comes from the newest key that a fallback ending in a hyphen begins', async () => {
      await saved('main-b', 'older');
      await saved('main-a', 'newest');
      await saved('mainline', 'other');

      expect(await restored({ key: { text: 'none' }, fallbackKeys: ['main-'] })).toEqual(['newest', 'fallback']);
    });

    it('does not take a plain fallback key for a beginning', async () => {
      await saved('main-a', 'x');

      expect(await restored({ key: { text: 'none' }, fallbackKeys: ['main'] })).toEqual([undefined, 'miss']);
    });

    it('prefers its own key to all of them', async () => {
      await saved('own', 'own');
      await saved('main-a', 'x');

      expect(await restored({ key: { text: 'own' }, fallbackKeys: ['main-'] })).toEqual(['own', 'hit']);
    });

    it('is saved under its own key, also when it holds what came from another', async () => {
      await saved('main-a', 'x');
      const job = jobWith({ key: { text: 'own' }, fallbackKeys: ['main-'] });
      await job.run();

      expect(job.facts.map(({ type }) => type)).toEqual(['CacheRestored', 'CacheUploaded']);
    });
  });

  it.each([
    ['unprotected refs from protected ones', true, false],
    ['protected refs from unprotected ones', false, true],
  ])('never comes to %s, by any key', async (_what, savedBy, wantedBy) => {
    await saved('deps', 'poison', { protected: savedBy });
    await saved('deps-1', 'poison', { protected: savedBy });

    const cache = { key: { text: 'deps' }, fallbackKeys: ['deps-1', 'deps-', '-'] };
    expect(await restored(cache, { protected: wantedBy })).toEqual([undefined, 'miss']);
    expect(await restored(cache, { protected: savedBy })).toEqual(['poison', 'hit']);
  });

  it('never comes to another project, by any key', async () => {
    await saved('deps', 'poison', { project: 'pr1' });

    const cache = { key: { text: 'deps' }, fallbackKeys: ['deps', 'd-', '../pr1/unprotected/d-'] };
    expect(await restored(cache, { project: 'pr2' })).toEqual([undefined, 'miss']);
  });

  describe('is saved', () => {
    const saves = async (cache: Partial<CacheSpec>, succeeded: boolean): Promise<string[]> => {
      const job = jobWith(cache);
      await job.run(() => job.write('node_modules/x', 'x'), succeeded);
      return job.facts.map(({ type }) => type);
    };

    it.each([
      ['pull-push', ['CacheRestored', 'CacheUploaded']],
      ['push', ['CacheUploaded']],
      ['pull', ['CacheRestored']],
    ] as const)('and restored as the policy %s says', async (policy, facts) => {
      expect(await saves({ policy }, true)).toEqual(facts);
    });

    it.each([
      ['on_success', true, true],
      ['on_success', false, false],
      ['on_failure', true, false],
      ['on_failure', false, true],
      ['always', true, true],
      ['always', false, true],
    ] as const)('with when: %s and a success that is %s: %s', async (when, succeeded, expected) => {
      expect((await saves({ when }, succeeded)).includes('CacheUploaded')).toBe(expected);
    });

    it('not, when it holds just what is there under its key', async () => {
      await saved('deps', 'same');
      const job = await saved('deps', 'same');

      expect(job.facts.map(({ type }) => type)).toEqual(['CacheRestored']);
      expect(job.lines).toContain('Cache deps is unchanged');
    });

    it('again, when something in it changed', async () => {
      await saved('deps', 'one');
      const job = jobWith({});
      await job.run(() => appendFileSync(join(job.scene.workspace, 'node_modules/which'), '!'));

      expect(await restored({})).toEqual(['one!', 'hit']);
    });

    it('not, when its paths found nothing, and a warning says so', async () => {
      const job = jobWith({ paths: ['none/', '../outside'] });
      await job.run();

      expect(job.facts.map(({ type }) => type)).toEqual(['CacheRestored']);
      expect(job.lines).toContain('WARNING cache none/: no matching files');
    });
  });
};

describe('A cache', () => {
  prepareCaches(false);
  suite();
});

describe('A cache that is mounted', () => {
  prepareCaches(true);
  if (process.platform === 'linux' && process.getuid?.() === 0) suite();
  else absent('the right to mount', { hint: 'needs root on Linux', problem: 'this host does not mount squashfs' });
});
