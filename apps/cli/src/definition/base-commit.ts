import { baseOf, type Base } from '@foldline/pipeline-language';

/** What git answers; nothing where it refuses. */
type Ask = (...args: string[]) => Promise<string | undefined>;

/**
 * The commit that `compare_to` names in a working copy, as a server would find it. No text of a definition comes to git
 * but as a whole name of a ref or as digits: it knows far more ways to name a commit.
 */
export const baseCommit = async (text: string, git: Ask): Promise<string | undefined> => {
  const base = baseOf(text);
  if (!base) return undefined;
  if ('sha' in base) return commitOf(base.sha, git);
  for (const ref of refsOf(base)) {
    const found = await git('show-ref', '--verify', '--hash', ref);
    if (found !== undefined) return commitOf(found, git);
  }
  return base.digits === undefined ? undefined : inHistory(base.digits, git);
};

/** A branch that was never checked out here is where it was fetched from. */
const refsOf = ({ name, kind }: Exclude<Base, { sha: string }>): string[] => [
  ...(kind === 'tag' ? [] : [`refs/heads/${name}`, `refs/remotes/origin/${name}`]),
  ...(kind === 'branch' ? [] : [`refs/tags/${name}`]),
];

/** Also of an annotated tag, which is an object of its own. */
const commitOf = (id: string, git: Ask): Promise<string | undefined> =>
  git('rev-parse', '--verify', '--quiet', '--end-of-options', `${id}^{commit}`);

const inHistory = async (digits: string, git: Ask): Promise<string | undefined> => {
  const ids = (await git('rev-parse', `--disambiguate=${digits}`))?.split('\n') ?? [];
  const isBefore = (id: string): Promise<boolean> =>
    git('merge-base', '--is-ancestor', id, 'HEAD').then((answer) => answer !== undefined);
  const found = await Promise.all(ids.map(async (id) => ((await isBefore(id)) ? [id] : [])));
  const [sha, another] = found.flat();
  return another === undefined ? sha : undefined;
};
