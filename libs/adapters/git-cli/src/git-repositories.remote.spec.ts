import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PermanentError, Refusal, type SourceRepository } from '@foldline/kernel';
import { Spawner } from '@foldline/spawner';
import { createGitRepositories } from './git-repositories.ts';

const PROJECT = 'pr1';
const UNKNOWN = 'f'.repeat(40);
/** Makes git speak the protocol in which servers hand out only what a branch or tag points to. */
const BY_NAME_ONLY = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'protocol.version', GIT_CONFIG_VALUE_0: '0' };

let home: string;
let url: string;
let directory: string;
let spawner: Spawner;
let repositories: SourceRepository;
const commits: Record<string, string> = {};

const git = (...args: string[]): string => execFileSync('git', args, { cwd: url, encoding: 'utf8' }).trim();
const commit = (text: string): string => {
  writeFileSync(join(url, 'README.md'), text);
  git('add', '--all');
  git('-c', 'user.name=Ada', '-c', 'user.email=ada@foldline.example', 'commit', '--quiet', '-m', text);
  return git('rev-parse', 'HEAD');
};
const open = (more = {}): SourceRepository =>
  createGitRepositories({
    directory: join(directory, 'repos'),
    environment: { PATH: process.env['PATH'] ?? '', ...more },
    spawner,
  });
const fetch = (sha: string, ref = 'main'): Promise<void> =>
  repositories.fetchCommit({ projectId: PROJECT, url, ref, sha });
const readme = async (sha: string): Promise<string | undefined> =>
  (await repositories.readFile(PROJECT, sha, 'README.md', 100))?.toString();

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'foldline-remote-'));
  url = join(home, 'repository');
  mkdirSync(url);
  git('init', '--quiet', '--initial-branch=main');
  commits['first'] = commit('first');
  git('tag', 'light');
  git('-c', 'user.name=Ada', '-c', 'user.email=ada@foldline.example', 'tag', '-a', 'v1.0', '-m', 'release');
  commits['second'] = commit('second');
  git('branch', 'feature/größe');
  git('branch', 'same', commits['first']);
  git('update-ref', `refs/heads/${'c'.repeat(40)}`, commits['first']);
  git('update-ref', 'refs/heads/refs/heads/nested', commits['first']);
  commits['between'] = commit('between');
  commits['third'] = commit('third');
  git('tag', 'same');
  git('tag', 'twice', commits['first']);
  git('branch', 'twice', commits['third']);
  git('-c', 'user.name=Ada', '-c', 'user.email=ada@foldline.example', 'tag', '-a', 'v2.0', '-m', 'release');
});
afterAll(() => rmSync(home, { recursive: true, force: true }));
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-mirrors-'));
  spawner = new Spawner();
  repositories = open();
});
afterEach(async () => {
  await spawner.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('What a ref is now', () => {
  it.each([
    ['main', 'third', 'branch'],
    ['feature/größe', 'second', 'branch'],
    ['light', 'first', 'tag'],
    ['v1.0', 'first', 'tag'],
    ['same', 'first', 'branch'],
  ])('%s is %s, a %s', async (name, which, kind) => {
    expect(await repositories.resolveRef(url, name)).toEqual({ name, sha: commits[which], kind });
  });

  it('is the tag where one is asked for, whatever else is called so', async () => {
    expect(await repositories.resolveRef(url, 'v1.0', 'tag')).toMatchObject({ sha: commits['first'], kind: 'tag' });
    expect(await repositories.resolveRef(url, 'same', 'tag')).toMatchObject({ kind: 'tag' });
    expect(await repositories.resolveRef(url, 'main', 'tag')).toBeUndefined();
    expect(await repositories.resolveRef(url, 'c'.repeat(40), 'tag')).toBeUndefined();
  });

  it('is the branch where one is asked for', async () => {
    expect(await repositories.resolveRef(url, 'same', 'branch')).toMatchObject({ kind: 'branch' });
    expect(await repositories.resolveRef(url, 'v1.0', 'branch')).toBeUndefined();
  });

  it('is a commit when it has 40 digits, also when a branch is called so', async () => {
    const name = 'c'.repeat(40);

    expect(await repositories.resolveRef(url, name)).toEqual({ name, sha: name, kind: 'commit' });
  });

  it.each(['unknown', 'mai', 'ain', 'nested', 'größe', 'HEAD', 'heads/main', 'refs/heads/main'])(
    'is nothing for %s, which is no branch or tag',
    async (name) => {
      expect(await repositories.resolveRef(url, name)).toBeUndefined();
    },
  );

  it.each([
    '-h',
    '--output=/tmp/x',
    '--upload-pack=touch /tmp/x',
    '$(id)',
    '`id`',
    'a;b',
    'a|b',
    'a&b',
    "a'b",
    'a"b',
    '${{ x }}',
    'main:evil',
    '+main',
    'main^{commit}',
    '*',
    'a\nb',
    '../x',
    '/etc',
    '',
  ])('is refused for %j before git sees it', async (name) => {
    await expect(repositories.resolveRef(url, name)).rejects.toMatchObject({ code: 'invalid_ref' });
    await expect(fetch(commits['first']!, name)).rejects.toMatchObject({ code: 'invalid_ref' });
  });

  it.each(['ext::sh -c touch% evil', '-u', '--upload-pack=touch evil', 'relative', 'fd::3'])(
    'is refused of a repository at %j',
    async (address) => {
      await expect(repositories.resolveRef(address, 'main')).rejects.toMatchObject({ code: 'invalid_url' });
      await expect(repositories.defaultBranch(address)).rejects.toMatchObject({ code: 'invalid_url' });
      const fetching = repositories.fetchCommit({ projectId: PROJECT, url: address, ref: 'main', sha: UNKNOWN });
      await expect(fetching).rejects.toMatchObject({ code: 'invalid_url' });
    },
  );

  it('is a refusal that names the repository when that cannot be read, without its credentials', async () => {
    const asked = repositories.resolveRef('http://ada:hunter2@127.0.0.1:1/x.git', 'main');

    await expect(asked).rejects.toMatchObject({ code: 'repository_unreachable' });
    await expect(asked).rejects.toThrow('http://127.0.0.1:1/x.git');
    await expect(asked).rejects.not.toThrow('hunter2');
  });
});

describe('The tags', () => {
  it('are those of the repository with the commits that they are of, also the annotated ones', async () => {
    const tagged = join(directory, 'tagged');
    const git = (...args: string[]): string =>
      execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@foldline.example', ...args], {
        cwd: tagged,
        encoding: 'utf8',
      }).trim();
    mkdirSync(tagged);
    git('init', '--quiet');
    git('commit', '--quiet', '--allow-empty', '-m', 'first');
    git('tag', 'v1.0.0');
    git('tag', '-a', 'releases/2.0.0', '-m', 'second');
    const sha = git('rev-parse', 'HEAD');

    expect([...(await repositories.listTags(tagged))].toSorted()).toEqual([
      ['releases/2.0.0', sha],
      ['v1.0.0', sha],
    ]);
  });

  it('are a refusal when there is no repository', async () => {
    await expect(repositories.listTags(join(directory, 'none'))).rejects.toBeInstanceOf(Refusal);
  });
});

describe('The default branch', () => {
  it('is what HEAD points to', async () => {
    expect(await repositories.defaultBranch(url)).toBe('main');
  });

  it('is nothing in an empty repository', async () => {
    const empty = join(directory, 'empty');
    execFileSync('git', ['init', '--quiet', '--bare', empty]);

    expect(await repositories.defaultBranch(empty)).toBeUndefined();
  });

  it('is a refusal when there is no repository', async () => {
    await expect(repositories.defaultBranch(join(directory, 'none'))).rejects.toBeInstanceOf(Refusal);
  });
});

describe('Fetching a commit', () => {
  it.each(['first', 'second', 'third'])('brings the %s one with all it needs', async (which) => {
    await fetch(commits[which]!);

    expect(await readme(commits[which]!)).toBe(which);
  });

  it('asks nobody for what is there already', async () => {
    await fetch(commits['third']!);
    renameSync(url, `${url}.away`);
    try {
      await expect(fetch(commits['third']!)).resolves.toBeUndefined();
    } finally {
      renameSync(`${url}.away`, url);
    }
  });

  it('works for many at once', async () => {
    const wanted = ['first', 'second', 'third', 'third', 'second', 'first'];

    await Promise.all(wanted.map((which) => fetch(commits[which]!)));

    expect(await Promise.all(wanted.map((which) => readme(commits[which]!)))).toEqual(wanted);
  });

  it('works after one that failed', async () => {
    const failed = fetch(UNKNOWN);
    const worked = fetch(commits['first']!);

    await expect(failed).rejects.toBeInstanceOf(PermanentError);
    await expect(worked).resolves.toBeUndefined();
  });

  it('is an error that stays when the repository has no such commit', async () => {
    await expect(fetch(UNKNOWN)).rejects.toThrow(`has no commit ${UNKNOWN}`);
  });

  it.each(['', 'HEAD', 'main', `${'a'.repeat(39)} `, `--${'a'.repeat(38)}`])(
    'is refused for %j, which is no commit id',
    async (sha) => {
      await expect(fetch(sha)).rejects.toMatchObject({ code: 'invalid_ref' });
    },
  );

  it.each(['', '..', '../x', 'a/b', 'A', 'a.b', 'x'.repeat(65)])(
    'is an error for the project %j, and nothing is made',
    async (projectId) => {
      const fetching = repositories.fetchCommit({ projectId, url, ref: 'main', sha: commits['first']! });

      await expect(fetching).rejects.toBeInstanceOf(PermanentError);
      expect(existsSync(join(directory, 'repos')) ? readdirSync(join(directory, 'repos')) : []).toEqual([]);
    },
  );

  describe('from a server that hands out branches and tags only', () => {
    beforeEach(() => {
      repositories = open(BY_NAME_ONLY);
    });

    it.each(['main', 'v2.0'])('goes by the name %s', async (ref) => {
      await fetch(commits['between']!, ref);

      expect(await readme(commits['between']!)).toBe('between');
    });

    it('takes the branch where a tag has the same name, as resolving does', async () => {
      await fetch(commits['between']!, 'twice');

      expect(await readme(commits['between']!)).toBe('between');
    });

    it('is an error that stays when the name does not lead to the commit', async () => {
      await expect(fetch(commits['between']!, 'v1.0')).rejects.toThrow('has no commit');
    });

    it('is a refusal when the commit is all that is known', async () => {
      await expect(fetch(commits['between']!, commits['between'])).rejects.toMatchObject({
        code: 'repository_unreachable',
      });
    });
  });
});
