import type { ArtifactDoc, ChildDefinition } from '@foldline/contracts';
import { PermanentError, readTree, type ObjectStore } from '@foldline/kernel';
import { unread, type Location, type NotFound, type ReadBytes } from './elsewhere.ts';
import { limits } from './limits.ts';

/** What attempts have kept; who cannot look into it reads no artifacts. */
export type ArtifactTools = {
  objects: Pick<ObjectStore, 'read' | 'stat'>;
  keptBy: (jobId: string, attempt: number) => Promise<readonly ArtifactDoc[]>;
};
type Artifact = Extract<Location, { kind: 'artifact' }>;
export type ReadArtifact = (location: Artifact) => Promise<ReadBytes | NotFound>;

const AGAIN = 'Retry the job that makes it, and then the one that starts this pipeline.';
const ITSELF = 'Let the job keep the file itself, or name the one that the link leads to.';

/** Reads a file among the artifacts of the attempts that a child pipeline is made of. Of several copies the last counts. */
export const artifactReader =
  ({ artifacts = {} }: Pick<ChildDefinition, 'artifacts'>, { objects, keptBy }: ArtifactTools): ReadArtifact =>
  async (location) => {
    const { job, path } = location;
    const attempts = Object.hasOwn(artifacts, job) ? artifacts[job]! : [];
    const kept = await Promise.all(attempts.map(({ jobId, attempt }) => keptBy(jobId, attempt)));
    const archives = kept.flat().filter(({ kind }) => kind === 'archive');
    if (archives.some(({ status }) => status === 'expired'))
      return unread(location, 'include-missing-file', 'has expired with the artifacts of its job', AGAIN);
    try {
      for (const { manifestDigest } of archives.toReversed()) {
        const entry = (await readTree(objects, manifestDigest)).find((each) => each.path === path);
        if (entry?.kind === 'file') return await contentOf(location, entry.digest, objects);
        if (entry) return unread(location, 'include-missing-file', 'is no plain file; links are not followed', ITSELF);
      }
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      return unread(location, 'include-unreachable', `could not be read: ${error.message}`, AGAIN);
    }
    const hint = 'Name it below `artifacts: {paths: …}` of that job, by its path in the workspace.';
    return unread(location, 'include-missing-file', 'is not among the artifacts of that job', hint);
  };

/** How large it is is asked of the store: who made the manifest may say anything. */
const contentOf = async (
  location: Artifact,
  digest: string,
  objects: ArtifactTools['objects'],
): Promise<ReadBytes | NotFound> => {
  const stored = await objects.stat(digest);
  if (stored && stored.bytes > limits.fileBytes)
    return unread(location, 'include-too-large', `has ${stored.bytes} bytes; at most ${limits.fileBytes} are read`);
  const bytes = stored && (await objects.read(digest));
  return bytes ? { bytes } : unread(location, 'include-unreachable', 'is not in the object store any more', AGAIN);
};
