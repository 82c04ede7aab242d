import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { GitRef } from '@foldline/contracts';
import { PermanentError, type SourceRepository } from '@foldline/kernel';
import { unmountLeftovers } from '../layers/mounts.ts';
import { TreeLayers, type LayerOptions } from '../layers/tree-layers.ts';
import { WorkspaceLayers } from '../layers/workspace-layers.ts';
import { directorySinceBoot } from './since-boot.ts';
import { builtProgram } from '../threads/built-program.ts';
import { ThreadClient } from '../threads/thread-client.ts';
import type { TreeOperation } from './tree-pool.ts';

const KEPT_CHECKOUTS = 20;
/** Room for what the pool may remember, and for workspaces of large repositories in use. */
const HEAP = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 4 };
/** Suffix of a checkout that is being removed. Keys have no dot. */
const FORGOTTEN = '.forgotten';
const ATTEMPT_ID = /^[0-9a-z]{1,64}\.\d{1,6}\.\d{1,6}$/;

export type WorkspaceRequest = {
  attemptId: string;
  projectId: string;
  url: string;
  ref: Pick<GitRef, 'name' | 'kind'>;
  sha: string;
  protected: boolean;
  /** The job sees its workspace and nothing else of this host. */
  isComplete: boolean;
};

/**
 * Where attempts work: `runners/jobs/<attempt>/workspace` (S0-45, S0-46), a copy of one checkout per commit and ref that no job
 * ever sees itself, kept for the next job of that commit (see PooledTree). The attempt's directory is also the runner's
 * journal: it exists from before the attempt starts until after its end is recorded.
 */
export class Workspaces {
  private readonly checkouts = new Map<string, Promise<string>>();
  /** How many copies of a checkout are being made right now. */
  private readonly inUse = new Map<string, number>();
  private forgetting: Promise<void> = Promise.resolve();
  private readonly jobs: string;
  private readonly base: string;
  private readonly repositories: SourceRepository;
  private readonly trees: ThreadClient<TreeOperation>;

  private readonly layers: TreeLayers;

  constructor({ directory, repositories, ...layers }: LayerOptions & { repositories: SourceRepository }) {
    unmountLeftovers(join(directory, 'runners'));
    this.layers = new TreeLayers({ directory, ...layers });
    this.jobs = join(directory, 'runners', 'jobs');
    this.base = join(directory, 'runners', 'checkouts');
    this.repositories = repositories;
    this.trees = new ThreadClient({
      program: builtProgram(import.meta.url, 'workspace', 'tree.worker.js'),
      data: { directory: join(directory, 'runners', 'workspaces') },
      heap: HEAP,
      doing: 'prepare a workspace',
    });
    mkdirSync(this.jobs, { recursive: true, mode: 0o700 });
    directorySinceBoot(this.base);
  }

  /** What lies in it is the attempt's alone. */
  directoryOf(attemptId: string): string {
    if (!ATTEMPT_ID.test(attemptId)) throw new PermanentError('this is not an attempt id');
    return join(this.jobs, attemptId);
  }

  /** Path of an attempt's working directory, whether or not it is there yet. */
  pathOf(attemptId: string): string {
    return join(this.directoryOf(attemptId), 'workspace');
  }

  /** Where the directories of all attempts lie. */
  get all(): string {
    return this.jobs;
  }

  /** Where an attempt finds what it is handed in files: outside of its working directory, and gone with the attempt. */
  filesOf(attemptId: string): string {
    return join(this.directoryOf(attemptId), 'variables');
  }

  /** Files by their names in `filesOf`; nobody else on this host may read them. */
  addFiles(attemptId: string, files: ReadonlyMap<string, string>): void {
    if (files.size === 0) return;
    mkdirSync(this.filesOf(attemptId), { mode: 0o700 });
    for (const [name, content] of files)
      writeFileSync(join(this.filesOf(attemptId), name), content, { mode: 0o600, flag: 'wx' });
  }

  /** Makes the attempt's directory, so that a later process finds what this one had begun. */
  reserve(attemptId: string): void {
    mkdirSync(this.directoryOf(attemptId), { recursive: true, mode: 0o700 });
  }

  /** What runs before the commit is there has an empty workspace; nothing of it stays. */
  async makeEmpty(attemptId: string): Promise<void> {
    await mkdir(this.pathOf(attemptId));
  }

  async prepare(request: WorkspaceRequest): Promise<void> {
    const key = keyOf(request);
    this.inUse.set(key, (this.inUse.get(key) ?? 0) + 1);
    try {
      const base = await this.checkoutOf(key, request);
      const journal = { path: join(this.directoryOf(request.attemptId), 'job.json'), text: JSON.stringify(request) };
      await this.trees.perform({
        kind: 'take',
        key: `${key}-${String(request.protected)}`,
        base,
        target: this.pathOf(request.attemptId),
        journal,
      });
    } finally {
      this.inUse.set(key, this.inUse.get(key)! - 1);
      if (this.inUse.get(key) === 0) this.inUse.delete(key);
    }
  }

  /** Attempts whose directory is still there. */
  async leftovers(): Promise<string[]> {
    return (await readdir(this.jobs)).filter((name) => ATTEMPT_ID.test(name));
  }

  /** The trees of an attempt; to be closed before its workspace is released. */
  layersOf(attemptId: string, mountable: boolean): WorkspaceLayers {
    const place = { name: attemptId, workspace: this.pathOf(attemptId), scratch: this.directoryOf(attemptId) };
    return new WorkspaceLayers(this.layers, place, mountable);
  }

  /** The attempt's end is recorded: its workspace may serve the next job, everything else goes. */
  async release(attemptId: string): Promise<void> {
    await this.trees.perform({ kind: 'giveBack', target: this.pathOf(attemptId) });
    await this.remove(attemptId);
  }

  async remove(attemptId: string): Promise<void> {
    await this.trees.perform({ kind: 'remove', path: this.directoryOf(attemptId) });
  }

  async close(): Promise<void> {
    await this.forgetting;
    await this.trees.close();
    await this.layers.close();
  }

  private checkoutOf(key: string, request: WorkspaceRequest): Promise<string> {
    const known = this.checkouts.get(key);
    if (known) return known;
    const made = this.makeCheckout(key, request);
    this.checkouts.set(key, made);
    made.then(
      () => this.forgetOldest(),
      () => this.checkouts.delete(key),
    );
    return made;
  }

  private async makeCheckout(key: string, { projectId, url, ref, sha, isComplete }: WorkspaceRequest): Promise<string> {
    const path = join(this.base, key);
    if (!existsSync(path)) {
      await this.repositories.fetchCommit({ projectId, url, ref: ref.name, sha });
      const unfinished = `${path}.unfinished`;
      await rm(unfinished, { recursive: true, force: true });
      await mkdir(unfinished);
      await this.repositories.checkout({ projectId, url, ref, sha, into: unfinished, isComplete });
      await rename(unfinished, path);
    }
    await utimes(path, new Date(), new Date());
    return path;
  }

  /** Keeps the checkouts made last, on disk as well as in memory, and those that are being copied right now. */
  private forgetOldest(): void {
    // What could not be removed is met again after the next checkout.
    this.forgetting = this.forgetting.then(() => this.forgetNow()).catch(() => undefined);
  }

  private async forgetNow(): Promise<void> {
    const names = await readdir(this.base);
    const madeAt = (name: string) => lstatSync(join(this.base, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
    const dated = names.map((name) => ({ name, at: madeAt(name) })).toSorted((a, b) => a.at - b.at);
    for (const { name } of dated.slice(0, Math.max(0, names.length - KEPT_CHECKOUTS))) {
      const [key = name] = name.split('.');
      const forgotten = join(this.base, `${key}${FORGOTTEN}`);
      await rm(forgotten, { recursive: true, force: true });
      if (this.inUse.has(key) || !existsSync(join(this.base, name))) continue;
      // Gone from its place in the same moment: whoever wants it from now on makes it anew.
      renameSync(join(this.base, name), forgotten);
      this.checkouts.delete(key);
      await rm(forgotten, { recursive: true, force: true });
    }
  }
}

/** A checkout knows for which branch or tag it is. */
const keyOf = ({ projectId, sha, ref, isComplete }: WorkspaceRequest): string => {
  const digest = createHash('sha256').update(`${ref.kind} ${ref.name}`).digest('hex');
  return `${projectId}-${sha}-${digest.slice(0, 16)}${isComplete ? '-complete' : ''}`;
};
