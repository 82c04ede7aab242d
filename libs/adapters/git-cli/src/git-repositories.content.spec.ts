import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  renameSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PermanentError, type Checkout, type SourceRepository } from '@foldline/kernel';
import { Spawner } from '@foldline/spawner';
import { createGitRepositories } from './git-repositories.ts';

const PROJECT = 'pr1';
const FILE = '.codara-ci.yml';
const HOSTILE = '$(touch evil) `id` ${{ secrets.X }} "; rm -rf * \u001B[2J\u202E <script>\n\nsecond\tline 機';

let home: string;
let url: string;
let spawner: Spawner;
let repositories: SourceRepository;
let hostile: string;
let plain: string;
let silent: string;

const env = { ...process.env, GIT_COMMITTER_DATE: '2030-01-02T04:04:05+01:00' };
const git = (args: string[], cwd = url): string => execFileSync('git', args, { cwd, env, encoding: 'utf8' }).trim();
const commit = (message: string, author = 'Ada'): string => {
  git(['add', '--all']);
  const about = ['-c', `user.name=${author}`, '-c', 'user.email=ada@foldline.example'];
  git([...about, 'commit', '--quiet', '--no-verify', '--cleanup=verbatim', '--allow-empty', '-m', message]);
  return git(['rev-parse', 'HEAD']);
};
/** A program that leaves a mark when it is run. */
const canary = (name: string): string => {
  const path = join(home, name);
  writeFileSync(path, `#!/bin/sh\ntouch "${home}/evil"\ncat\n`);
  chmodSync(path, 0o755);
  return path;
};
const fetched = async (sha: string): Promise<string> => {
  await repositories.fetchCommit({ projectId: PROJECT, url, ref: 'main', sha });
  return sha;
};

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'foldline-content-'));
  url = join(home, 'repository');
  mkdirSync(url);
  git(['init', '--quiet', '--initial-branch=main']);
  writeFileSync(join(url, FILE), 'build: {}\n');
  writeFileSync(join(url, '.gitattributes'), '*.bin filter=evil diff=evil\n*.txt text eol=crlf\n');
  writeFileSync(join(url, 'a.bin'), 'binary');
  writeFileSync(join(url, 'tool.sh'), '#!/bin/sh');
  chmodSync(join(url, 'tool.sh'), 0o755);
  writeFileSync(join(url, '-option'), 'x');
  writeFileSync(Buffer.concat([Buffer.from(`${url}/`), Buffer.from([0x66, 0xff])]), 'not text');
  symlinkSync('/etc/passwd', join(url, 'link'));
  plain = commit('Add gears\n\nThe whole story.\n\n');
  rmSync(join(url, FILE));
  symlinkSync('/etc/passwd', join(url, FILE));
  mkdirSync(join(url, 'directory.yml'));
  writeFileSync(join(url, 'directory.yml/x'), 'x');
  mkdirSync(join(url, 'module'));
  git(['update-index', '--add', '--cacheinfo', `160000,${plain},module`]);
  hostile = commit(HOSTILE, 'Eve; --format=%H');
  const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@foldline.example'];
  silent = git([...identity, 'commit-tree', `${plain}^{tree}`, '-m', '']);
  git(['update-ref', 'refs/heads/silent', silent]);
  git([...identity, 'tag', '--annotate', 'v1/stable', plain, '-m', 'Release 1\n\nWith gears.']);
  git(['tag', 'light', plain]);
  // What a repository on this host may have been set to run.
  for (const name of ['post-checkout', 'post-index-change', 'reference-transaction', 'pre-receive'])
    writeFileSync(join(url, '.git/hooks', name), readFileSync(canary('hook')), { mode: 0o755 });
  git(['config', 'filter.evil.smudge', canary('smudge')]);
  git(['config', 'filter.evil.process', canary('process')]);
  git(['config', 'core.fsmonitor', canary('fsmonitor')]);
  git(['config', 'core.sshCommand', canary('ssh')]);
  spawner = new Spawner();
  repositories = createGitRepositories({
    directory: join(home, 'repos'),
    environment: { PATH: process.env['PATH'] ?? '' },
    spawner,
  });
  rmSync(join(home, 'evil'), { force: true });
  await fetched(plain);
  await fetched(hostile);
});
afterAll(async () => {
  await spawner.close();
  rmSync(home, { recursive: true, force: true });
});

const checkoutOf = (): Omit<Checkout, 'sha' | 'into'> => ({
  projectId: PROJECT,
  url,
  ref: { name: 'main', kind: 'branch' },
});

describe('A commit', () => {
  it('is described by its author and its whole message', async () => {
    expect(await repositories.describeCommit(PROJECT, plain)).toEqual({
      sha: plain,
      author: 'Ada',
      email: 'ada@foldline.example',
      at: '2030-01-02T03:04:05.000Z',
      message: 'Add gears\n\nThe whole story.',
    });
  });

  it('is found by its first digits in its own history and in no other', async () => {
    const find = (digits: string, historyOf: string) => repositories.findCommit(PROJECT, { digits, historyOf });

    expect(await find(plain.slice(0, 7), hostile)).toBe(plain);
    expect(await find(hostile, hostile)).toBe(hostile);
    expect(await find(hostile.slice(0, 7), plain)).toBeUndefined();
    expect(await find('--help', plain)).toBeUndefined();
  });

  it('is described as it is, whatever it says', async () => {
    expect(await repositories.describeCommit(PROJECT, hostile)).toMatchObject({
      sha: hostile,
      author: 'Eve; --format=%H',
      message: HOSTILE,
    });
  });

  it('may have no message', async () => {
    expect(await repositories.describeCommit(PROJECT, await fetched(silent))).toMatchObject({ message: '' });
  });

  it('has the message of the annotated tag that names it, without a signature', async () => {
    const messageOf = (tag: string) => repositories.tagMessage({ projectId: PROJECT, url, tag });

    expect(await messageOf('v1/stable')).toBe('Release 1\n\nWith gears.');
    expect(await messageOf('light')).toBeUndefined();
    expect(await messageOf('never-made')).toBeUndefined();
    await expect(messageOf('--upload-pack=x')).rejects.toMatchObject({ code: 'invalid_ref' });
  });

  it('is an error when it was never fetched', async () => {
    await expect(repositories.describeCommit(PROJECT, 'e'.repeat(40))).rejects.toBeInstanceOf(PermanentError);
    await expect(repositories.describeCommit('pr2', plain)).rejects.toThrow();
  });

  it.each(['HEAD', '--all', '-1', ''])('is refused when it is called %j', async (name) => {
    await expect(repositories.describeCommit(PROJECT, name)).rejects.toMatchObject({ code: 'invalid_ref' });
    await expect(repositories.readFile(PROJECT, name, FILE, 10)).rejects.toMatchObject({ code: 'invalid_ref' });
    const made = repositories.checkout({ ...checkoutOf(), sha: name, into: join(home, 'never') });
    await expect(made).rejects.toMatchObject({ code: 'invalid_ref' });
  });
});

describe('A file of a commit', () => {
  it('is read as it was then', async () => {
    expect((await repositories.readFile(PROJECT, plain, FILE, 100))?.toString()).toBe('build: {}\n');
  });

  it('is read as it was committed, whatever attributes say', async () => {
    expect((await repositories.readFile(PROJECT, plain, 'a.bin', 100))?.toString()).toBe('binary');
  });

  it('may be called like an option', async () => {
    expect((await repositories.readFile(PROJECT, plain, '-option', 100))?.toString()).toBe('x');
  });

  it('is listed with all others, but for links, submodules and what is not committed', async () => {
    await fetched(plain);
    await fetched(hostile);
    const listed = await repositories.listFiles(PROJECT, plain);
    expect(listed).toEqual(expect.arrayContaining(['-option', FILE, '.gitattributes', 'a.bin', 'tool.sh']));
    expect(listed).not.toContain('link');
    const later = await repositories.listFiles(PROJECT, hostile);
    expect(later).toContain('directory.yml/x');
    expect(later).not.toEqual(expect.arrayContaining(['module']));
    await expect(repositories.listFiles(PROJECT, 'HEAD')).rejects.toMatchObject({ code: 'invalid_ref' });
  });

  it('is told which files differ between two commits, or since both came from the same one', async () => {
    const change = { from: plain, to: hostile, sinceFork: false };
    const changed = await repositories.changedFiles(PROJECT, change);
    expect(changed).toContain('directory.yml/x');
    expect(changed).not.toContain('a.bin');
    expect(await repositories.changedFiles(PROJECT, { ...change, sinceFork: true })).toEqual(changed);
    expect(await repositories.changedFiles(PROJECT, { from: hostile, to: plain, sinceFork: true })).toEqual([]);
    await expect(repositories.changedFiles(PROJECT, { ...change, from: '--output=x' })).rejects.toMatchObject({
      code: 'invalid_ref',
    });
  });

  it('is nothing when there is none', async () => {
    expect(await repositories.readFile(PROJECT, plain, 'none.yml', 100)).toBeUndefined();
    expect(await repositories.readFile(PROJECT, plain, '*.yml', 100)).toBeUndefined();
  });

  it.each([
    ['a symbolic link', FILE],
    ['a directory', 'directory.yml'],
    ['a submodule', 'module'],
  ])('is refused when it is %s', async (_what, path) => {
    await expect(repositories.readFile(PROJECT, hostile, path, 100)).rejects.toMatchObject({
      code: 'definition_not_a_file',
    });
  });

  it('is refused when it is larger than it may be, and read when it is just as large', async () => {
    await expect(repositories.readFile(PROJECT, plain, FILE, 9)).rejects.toMatchObject({
      code: 'definition_too_large',
    });
    expect(await repositories.readFile(PROJECT, plain, FILE, 10)).toBeDefined();
  });
});

describe('A checkout', () => {
  let into: string;
  beforeAll(async () => {
    into = join(home, 'checkout');

    mkdirSync(into);
    await repositories.checkout({ ...checkoutOf(), sha: plain, into });
  });

  it('has every file of the commit, with links and permissions', () => {
    const names = readdirSync(into, 'latin1').filter((name) => name !== '.git');
    const modes = execFileSync('stat', ['-c', '%A %N', 'tool.sh', 'link'], { cwd: into, encoding: 'utf8' });

    expect(names.toSorted()).toEqual(
      ['-option', FILE, '.gitattributes', 'a.bin', 'f\u00FF', 'link', 'tool.sh'].toSorted(),
    );
    expect(modes).toMatch(/^-rwx.*\nl.*'link' -> '\/etc\/passwd'\n$/);
  });

  it('is a repository in which git works: clean, with the history', () => {
    expect(git(['status', '--porcelain'], into)).toBe('');
    expect(git(['log', '--format=%H'], into)).toBe(plain);
    expect(git(['rev-parse', 'HEAD'], into)).toBe(plain);
    expect(git(['describe', '--always', '--dirty'], into)).toBe(plain.slice(0, 7));
  });

  it('has the whole history also of a later commit', async () => {
    const later = join(home, 'later');
    mkdirSync(later);
    await repositories.checkout({ ...checkoutOf(), sha: hostile, into: later });

    expect(git(['log', '--format=%H'], later).split('\n')).toEqual([hostile, plain]);
  });

  it('that is complete needs nothing of this host: it has all of its history, and nothing else', async () => {
    const [later, elsewhere] = [join(home, 'complete'), join(home, 'elsewhere')];
    mkdirSync(later);
    await repositories.checkout({ ...checkoutOf(), sha: hostile, into: later, isComplete: true });
    renameSync(join(home, 'repos'), elsewhere);
    try {
      expect(git(['log', '--format=%H'], later).split('\n')).toEqual([hostile, plain]);
      expect(git(['status', '--porcelain'], later)).toBe('');
      expect(git(['fsck', '--full', '--strict'], later)).toBe('');
      expect(existsSync(join(later, '.git/objects/info/alternates'))).toBe(false);
    } finally {
      renameSync(elsewhere, join(home, 'repos'));
    }
  });

  it('holds neither hooks nor credentials', () => {
    expect(existsSync(join(into, '.git/hooks'))).toBe(false);
    expect(readFileSync(join(into, '.git/config'), 'utf8')).not.toMatch(/credential|helper|token/i);
  });

  it('knows the branch that it is for, and where others come from', async () => {
    const later = join(home, 'of-a-branch');
    mkdirSync(later);
    await repositories.checkout({ ...checkoutOf(), sha: plain, into: later });

    expect(git(['log', '--format=%H', 'origin/main'], later)).toBe(plain);
    expect(git(['remote', 'get-url', 'origin'], later)).toBe(url);
    git(['fetch', '--quiet', '--tags', 'origin'], later);
    expect(git(['log', '--format=%H', 'HEAD..origin/main'], later)).toBe(git(['rev-parse', 'main']));
    expect(git(['describe', '--tags'], later)).toMatch(/^(?:light|v1\/stable)$/);
  });

  it('knows the tag that it is for, and no branch', async () => {
    const later = join(home, 'of-a-tag');
    mkdirSync(later);
    await repositories.checkout({ ...checkoutOf(), ref: { name: 'v1/stable', kind: 'tag' }, sha: plain, into: later });

    expect(git(['describe', '--tags'], later)).toBe('v1/stable');
    expect(git(['branch', '--all', '--format=%(refname)'], later)).not.toContain('origin');
  });

  it.each([
    ['https://ada:secret@example.com/engine.git', 'https://example.com/engine.git'],
    ['https://token@example.com/engine.git', 'https://example.com/engine.git'],
    ['ssh://git:secret@example.com/engine.git', 'ssh://git@example.com/engine.git'],
    ['git@example.com:ada/engine.git', 'git@example.com:ada/engine.git'],
    ['/srv/a "quoted" \\ path; # here', '/srv/a "quoted" \\ path; # here'],
  ])('names for %s no more than %s', async (address, shown) => {
    const other = mkdtempSync(join(home, 'origin-'));
    await repositories.checkout({ ...checkoutOf(), url: address, sha: plain, into: other });

    expect(git(['remote', 'get-url', 'origin'], other)).toBe(shown);
    expect(readFileSync(join(other, '.git/config'), 'utf8')).not.toMatch(/secret|token/);
  });

  it('is refused where it cannot be: a commit that was never fetched', async () => {
    const missing = join(home, 'missing');
    mkdirSync(missing);

    const made = repositories.checkout({ ...checkoutOf(), sha: 'e'.repeat(40), into: missing });

    await expect(made).rejects.toBeInstanceOf(PermanentError);
  });

  it('has run nothing that a repository or its configuration asked for', () => {
    expect(existsSync(join(home, 'evil'))).toBe(false);
  });
});
