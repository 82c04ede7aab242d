import type { ProjectRef } from '@foldline/contracts';
import { PermanentError, type SourceRepository } from '@foldline/kernel';
import { baseOf } from './base-of-changes.ts';
import { readElsewhere, type ElsewhereTools } from './read-elsewhere.ts';
import type { Look } from './sources.ts';

const MAX_DEFINITION_BYTES = 512 * 1024;
/** What a branch pointed to before it was there. */
const NO_COMMIT = /^0+$/;

/** A commit that was brought to this host; `before` is what its branch pointed to when it was pushed. */
type LookedAt = { project: ProjectRef; sha: string; before?: string | undefined };
/** A commit, and the ref, or again the commit, by which a repository hands it out. */
type Fetchable = { sha: string; ref: string };

export const commitLook = (tools: ElsewhereTools, { project, sha, before }: LookedAt): Look => ({
  ...lookInto(tools.repositories, { project, sha, before }),
  elsewhere: readElsewhere(tools, project),
});

const lookInto = (repositories: SourceRepository, { project, sha, before }: LookedAt): Omit<Look, 'elsewhere'> => ({
  file: async (path) => (await repositories.readFile(project.id, sha, path, MAX_DEFINITION_BYTES))?.toString('utf8'),
  paths: () => repositories.listFiles(project.id, sha),
  changes: async (since) => {
    const pushed = before !== undefined && { sha: before, ref: before };
    const from = since === '' ? pushed : await baseCommit(since, repositories, { project, sha });
    if (!from || NO_COMMIT.test(from.sha)) return null;
    try {
      await repositories.fetchCommit({ projectId: project.id, url: project.url, ...from });
      return await repositories.changedFiles(project.id, { from: from.sha, to: sha, sinceFork: since !== '' });
    } catch (error) {
      // A commit that was overwritten may be gone from the repository.
      if (error instanceof PermanentError) return null;
      throw error;
    }
  },
});

const baseCommit = async (
  text: string,
  repositories: SourceRepository,
  { project, sha: historyOf }: LookedAt,
): Promise<Fetchable | undefined> => {
  const base = baseOf(text);
  if (!base) return undefined;
  if ('sha' in base) return { sha: base.sha, ref: base.sha };
  const { name, kind, digits } = base;
  const named = await repositories.resolveRef(project.url, name, kind);
  if (named) return { sha: named.sha, ref: name };
  const sha = digits === undefined ? undefined : await repositories.findCommit(project.id, { digits, historyOf });
  return sha === undefined ? undefined : { sha, ref: sha };
};
