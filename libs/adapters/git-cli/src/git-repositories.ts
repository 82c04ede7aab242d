import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  PermanentError,
  Refusal,
  TransientError,
  type Checkout,
  type DescribedCommit,
  type ResolvedRef,
  type SourceRepository,
} from '@foldline/kernel';
import type { Spawner } from '@foldline/spawner';
import {
  changedFiles,
  describeCommit,
  describeTag,
  findCommit,
  listFiles,
  readFile,
  type Ask,
} from './commit-content.ts';
import { assertRoom, check, unreachable, withoutCredentials } from './git-answers.ts';
import { borrowNothing, writeGitDirectory } from './git-directory.ts';
import { createGit, type Git, type GitResult } from './git-process.ts';
import { assertSafeRef, assertSafeUrl, assertSha, isSha } from './safe-input.ts';

const REMOTE_MS = 10_000;
const FETCH_MS = 10 * 60_000;
const PROJECT_ID = /^[0-9a-z]{1,64}$/;

/** Repositories through the git program; each project's objects are kept in a bare mirror below `directory`. */
export const createGitRepositories = (options: {
  directory: string;
  /** Where programs and keys are: PATH, HOME, SSH_AUTH_SOCK. Nothing else reaches git. */
  environment: Readonly<Record<string, string>>;
  spawner: Spawner;
}): SourceRepository =>
  new GitRepositories(resolve(options.directory), createGit(options.spawner, options.environment));

class GitRepositories implements SourceRepository {
  private readonly fetching = new Map<string, Promise<void>>();
  /** Mirrors that this process has made or looked after. */
  private readonly sound = new Set<string>();
  constructor(
    private readonly directory: string,
    private readonly git: Git,
  ) {}

  async resolveRef(url: string, refName: string, kind?: 'branch' | 'tag'): Promise<ResolvedRef | undefined> {
    assertSafeUrl(url);
    if (isSha(refName) && kind === undefined) return { sha: refName, name: refName, kind: 'commit' };
    assertSafeRef(refName);
    const refs = await this.lsRemote(
      url,
      [],
      [`refs/heads/${refName}`, `refs/tags/${refName}`, `refs/tags/${refName}^{}`],
    );
    const branch = refs.get(`refs/heads/${refName}`);
    if (branch && kind !== 'tag') return { sha: branch, name: refName, kind: 'branch' };
    const tag = refs.get(`refs/tags/${refName}^{}`) ?? refs.get(`refs/tags/${refName}`);
    return tag && kind !== 'branch' ? { sha: tag, name: refName, kind: 'tag' } : undefined;
  }

  async listTags(url: string): Promise<ReadonlyMap<string, string>> {
    assertSafeUrl(url);
    const tags = new Map<string, string>();
    // An annotated tag is listed once more, behind itself, with the commit that it is of.
    for (const [ref, sha] of await this.lsRemote(url, ['--tags'], []))
      tags.set(ref.slice('refs/tags/'.length).replace(/\^\{\}$/, ''), sha);
    return tags;
  }

  async defaultBranch(url: string): Promise<string | undefined> {
    assertSafeUrl(url);
    const { stdout } = await this.askRemote(url, ['--symref'], ['HEAD']);
    return /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(stdout.toString('utf8'))?.[1];
  }

  async fetchCommit({
    projectId,
    url,
    ref,
    sha,
  }: {
    projectId: string;
    url: string;
    ref: string;
    sha: string;
  }): Promise<void> {
    assertSafeUrl(url);
    assertSha(sha);
    if (!isSha(ref)) assertSafeRef(ref);
    const before = this.fetching.get(projectId) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(() => this.fetchNow(this.mirrorOf(projectId), url, ref, sha));
    this.fetching.set(projectId, turn);
    try {
      await turn;
    } finally {
      if (this.fetching.get(projectId) === turn) this.fetching.delete(projectId);
    }
  }

  findCommit(projectId: string, start: { digits: string; historyOf: string }): Promise<string | undefined> {
    return findCommit(this.askingMirror(projectId), start);
  }

  describeCommit(projectId: string, sha: string): Promise<DescribedCommit> {
    return describeCommit(this.askingMirror(projectId), sha);
  }

  async tagMessage({
    projectId,
    url,
    tag,
  }: {
    projectId: string;
    url: string;
    tag: string;
  }): Promise<string | undefined> {
    assertSafeUrl(url);
    assertSafeRef(tag);
    // A ref below another's name cannot be, so the tag's own name is no name for it here.
    const ref = `refs/foldline/tags/${createHash('sha256').update(tag).digest('hex')}`;
    const fetched = await this.fetch(this.mirrorOf(projectId), url, `+refs/tags/${tag}:${ref}`);
    assertRoom(fetched);
    return fetched.code === 0 ? describeTag(this.askingMirror(projectId), ref) : undefined;
  }

  readFile(projectId: string, sha: string, path: string, maxBytes: number): Promise<Buffer | undefined> {
    return readFile(this.askingMirror(projectId), sha, path, maxBytes);
  }

  listFiles(projectId: string, sha: string): Promise<string[]> {
    return listFiles(this.askingMirror(projectId), sha);
  }

  changedFiles(projectId: string, change: { from: string; to: string; sinceFork: boolean }): Promise<string[]> {
    return changedFiles(this.askingMirror(projectId), change);
  }

  async checkout({ projectId, url, ref, sha, into, isComplete = false }: Checkout): Promise<void> {
    assertSafeUrl(url);
    assertSha(sha);
    if (ref.kind !== 'commit') assertSafeRef(ref.name);
    await writeGitDirectory(join(into, '.git'), join(this.mirrorOf(projectId), 'objects'), { url, ref, sha });
    check(await this.git(['reset', '--quiet', '--hard', sha], { cwd: into, timeoutMs: FETCH_MS }), `check out ${sha}`);
    if (!isComplete) return;
    const repack = ['repack', '--quiet', '-a', '-d', '--no-write-bitmap-index'];
    check(await this.git(repack, { cwd: into, timeoutMs: FETCH_MS }), `complete the checkout of ${sha}`);
    await borrowNothing(join(into, '.git'));
  }

  private async fetchNow(mirror: string, url: string, ref: string, sha: string): Promise<void> {
    await this.makeSound(mirror);
    if (await this.isKept(mirror, sha)) return;
    const fetch = (refspec: string): Promise<GitResult> => this.fetch(mirror, url, refspec);
    const byId = await fetch(`+${sha}:refs/foldline/${sha}`);
    if (byId.code === 0) return;
    assertRoom(byId);
    // Servers may refuse to hand out a commit by its id alone; then its branch or tag brings it.
    const byName = isSha(ref) ? byId : await fetchByName(ref, fetch);
    if (byName.code !== 0) throw unreachable(url, byName);
    if (!(await this.has(mirror, sha))) throw new PermanentError(`the repository has no commit ${sha}`);
    check(await this.git(['update-ref', `refs/foldline/${sha}`, sha], { cwd: mirror }), 'keep the commit');
  }

  private fetch(mirror: string, url: string, refspec: string): Promise<GitResult> {
    const asked = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--', url, refspec];
    return this.git(asked, { cwd: mirror, timeoutMs: FETCH_MS });
  }

  /** Makes the mirror, or puts in order what an earlier process left when it was killed in the middle of its work. */
  private async makeSound(mirror: string): Promise<void> {
    if (this.sound.has(mirror)) return;
    if (!(await this.isRepository(mirror))) {
      const unfinished = `${mirror}.unfinished`;
      await Promise.all([mirror, unfinished].map((path) => rm(path, { recursive: true, force: true })));
      await mkdir(unfinished, { recursive: true, mode: 0o700 });
      check(await this.git(['init', '--quiet', '--bare', '--template=', unfinished]), 'make the mirror');
      await rename(unfinished, mirror);
    } else await removeLocks(mirror);
    this.sound.add(mirror);
  }

  private async isRepository(mirror: string): Promise<boolean> {
    if (!existsSync(mirror)) return false;
    return (await this.git(['--git-dir=.', 'rev-parse', '--git-dir'], { cwd: mirror })).code === 0;
  }

  /** The ref is made when everything of the commit has come; the commit alone is no proof of that. */
  private async isKept(mirror: string, sha: string): Promise<boolean> {
    const asked = ['show-ref', '--verify', '--quiet', `refs/foldline/${sha}`];
    return (await this.git(asked, { cwd: mirror })).code === 0;
  }

  private async has(mirror: string, sha: string): Promise<boolean> {
    return (await this.git(['cat-file', '-e', `${sha}^{commit}`], { cwd: mirror })).code === 0;
  }

  private mirrorOf(projectId: string): string {
    if (!PROJECT_ID.test(projectId)) throw new PermanentError('this is not a project id');
    return join(this.directory, `${projectId}.git`);
  }

  private askingMirror(projectId: string): Ask {
    return async (args) => check(await this.git(args, { cwd: this.mirrorOf(projectId) }), args[0]!).stdout;
  }

  private async lsRemote(
    url: string,
    options: readonly string[],
    patterns: readonly string[],
  ): Promise<Map<string, string>> {
    const { stdout } = await this.askRemote(url, options, patterns);
    const lines = stdout.toString('utf8').split('\n').filter(Boolean);
    return new Map(lines.map((line) => [line.slice(41), line.slice(0, 40)]));
  }

  private async askRemote(url: string, options: readonly string[], patterns: readonly string[]): Promise<GitResult> {
    const asked = this.git(['ls-remote', '--quiet', ...options, '--', url, ...patterns], { timeoutMs: REMOTE_MS });
    const result = await asked.catch((error: unknown) => {
      if (error instanceof TransientError)
        throw new Refusal('repository_unreachable', `${withoutCredentials(url)} does not answer: ${error.message}`, {
          pointer: '/url',
        });
      throw error;
    });
    if (result.code !== 0) throw unreachable(url, result);
    return result;
  }
}

/** The full name, a branch before a tag: given a plain name git takes the tag, and `resolveRef` the branch. */
const fetchByName = async (ref: string, fetch: (refspec: string) => Promise<GitResult>): Promise<GitResult> => {
  const branch = await fetch(`+refs/heads/${ref}:refs/foldline/by-name`);
  return branch.code === 0 ? branch : fetch(`+refs/tags/${ref}:refs/foldline/by-name`);
};

/** A git that is killed leaves its locks, and every later one would refuse to work. Nobody else uses the mirror. */
const removeLocks = async (mirror: string): Promise<void> => {
  const refs = await readdir(join(mirror, 'refs'), { recursive: true });
  const names = [...(await readdir(mirror)), ...refs.map((name) => join('refs', name))];
  const locks = names.filter((name) => name.endsWith('.lock'));
  await Promise.all(locks.map((name) => rm(join(mirror, name), { force: true })));
};
