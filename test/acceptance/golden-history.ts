import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Trigger } from '@foldline/pipeline-language';

export const DEFAULT_BRANCH = 'main';

/** Files that changed, by what they are compared with: a branch, or the last push where that is empty. */
export type Changes = Record<string, string[] | null>;
type Git = (...args: string[]) => Promise<string>;
type History = { changes: Changes; message: string; ref: Trigger['ref'] };

/**
 * Commits what lies in the directory, behind commits that lack just those files that changed since. Leaves the
 * case's ref there, and answers with what it pointed to before its last push, if the case says what changed since then.
 */
export const commitAll = async (
  git: Git,
  directory: string,
  { changes, message, ref }: History,
): Promise<string | undefined> => {
  let before: string | undefined;
  for (const [base, paths] of bySize(changes)) {
    for (const path of paths) make(join(directory, path));
    await git('add', '--all', '--force');
    if (paths.length > 0) await git('rm', '--quiet', '--cached', '--', ...paths);
    await git('commit', '--quiet', '--allow-empty', '-m', `Before ${paths.length} files`);
    const sha = await git('rev-parse', 'HEAD');
    if (base === '') before = sha;
    else if (base !== DEFAULT_BRANCH) await git('branch', base);
    else if (ref.name !== DEFAULT_BRANCH) await git('checkout', '--quiet', '--detach');
  }
  await git('add', '--all', '--force');
  await git('commit', '--quiet', '--allow-empty', '-m', message);
  if (ref.kind === 'tag') await git('tag', ref.name);
  else if (ref.name !== DEFAULT_BRANCH) await git('branch', ref.name);
  // It says which branch is the default one.
  await git('symbolic-ref', 'HEAD', `refs/heads/${DEFAULT_BRANCH}`);
  return before;
};

/** What changed since long ago comes first: of it, a part changed later. */
const bySize = (changes: Changes): [string, string[]][] =>
  Object.entries(changes)
    .filter((entry): entry is [string, string[]] => entry[1] !== null)
    .toSorted(([, a], [, b]) => b.length - a.length);

const make = (path: string): void => {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, 'changed\n');
};
