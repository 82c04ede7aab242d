export type ResolvedRef = { sha: string; name: string; kind: 'branch' | 'tag' | 'commit' };

/** `at` is when it was committed, RFC 3339 in UTC. */
export type DescribedCommit = { sha: string; message: string; author: string; email: string; at: string };

export type Checkout = {
  projectId: string;
  url: string;
  ref: Pick<ResolvedRef, 'name' | 'kind'>;
  sha: string;
  into: string;
  /** It borrows no objects from this host's copy of the repository: it is for where that cannot be seen. */
  isComplete?: boolean;
};

/**
 * The git repositories that projects point to, and this host's copies of them.
 * Urls and ref names come from users and are refused (`Refusal` of code `invalid_url` or `invalid_ref`) unless they are plainly safe.
 */
export interface SourceRepository {
  /**
   * Asks the repository what a branch, tag or full commit id is now; a branch wins over a tag of the same name, and 40 hex
   * digits are always a commit; where a kind is given, only those are looked at. `undefined`: it has no such ref. Refuses with
   * `repository_unreachable` when it does not answer.
   */
  resolveRef(url: string, refName: string, kind?: 'branch' | 'tag'): Promise<ResolvedRef | undefined>;
  /** The commits of all tags by name. Refuses as `resolveRef` does. */
  listTags(url: string): Promise<ReadonlyMap<string, string>>;
  /** The branch that HEAD points to; `undefined` for an empty repository. */
  defaultBranch(url: string): Promise<string | undefined>;
  /** Brings a commit into this host's copy; does nothing when it is there. `PermanentError` when the repository lacks it. */
  fetchCommit(commit: { projectId: string; url: string; ref: string; sha: string }): Promise<void>;
  /**
   * The one commit in the history of another, which was fetched, whose id begins with these digits; that one itself
   * counts. `undefined` where there is none, or more.
   */
  findCommit(projectId: string, start: { digits: string; historyOf: string }): Promise<string | undefined>;
  describeCommit(projectId: string, sha: string): Promise<DescribedCommit>;
  /** The message of an annotated tag as it is there now; `undefined` for a light one, and when it cannot be had. */
  tagMessage(tag: { projectId: string; url: string; tag: string }): Promise<string | undefined>;
  /** A regular file of a commit, from git's objects; `undefined` when there is none. A symbolic link is a `Refusal`. */
  readFile(projectId: string, sha: string, path: string, maxBytes: number): Promise<Buffer | undefined>;
  /** The paths of every regular file of a commit, from the root. A link is none. */
  listFiles(projectId: string, sha: string): Promise<string[]>;
  /**
   * The paths that differ between two commits that were fetched, those that one of them lacks included; `sinceFork`
   * compares with the last commit that both come from. `PermanentError` when they have none in common.
   */
  changedFiles(projectId: string, change: { from: string; to: string; sinceFork: boolean }): Promise<string[]>;
  /**
   * A working tree of a commit that was fetched, in an empty directory. Its `.git` has the history, the branch or tag that
   * it is for, and `origin` without credentials.
   */
  checkout(checkout: Checkout): Promise<void>;
}
