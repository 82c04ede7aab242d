import { Inject, Injectable } from '@nestjs/common';
import {
  artifactIndexKey,
  COLLECTION,
  parseManifest,
  pathProblem,
  type ArtifactDoc,
  type JobDoc,
  type TreeEntry,
} from '@foldline/contracts';
import { PermanentError, PORT, Refusal, type ObjectStore, type ReadStore } from '@foldline/kernel';

const ARTIFACTS_OF_ONE_JOB = 1000;

export type FileEntry = TreeEntry & { kind: 'file' };

/** What a job left behind. Bytes are read only from artifacts that are available. */
@Injectable()
export class ArtifactQueries {
  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.objectStore) private readonly objects: ObjectStore,
  ) {}

  /** Every artifact of every attempt. */
  async of(job: JobDoc): Promise<ArtifactDoc[]> {
    const query = { index: 'byJob', prefix: artifactIndexKey(job.id, ''), limit: ARTIFACTS_OF_ONE_JOB };
    return (await this.reads.query<ArtifactDoc>(COLLECTION.artifacts, query)).items;
  }

  /** The available artifacts of the newest attempt that left any. Refuses when there never were any, or are no longer. */
  async available(job: JobDoc, kinds: readonly ArtifactDoc['kind'][]): Promise<ArtifactDoc[]> {
    const kept = (await this.of(job)).filter(({ kind, status }) => kinds.includes(kind) && status !== 'refused');
    const newest = Math.max(...kept.map(({ attempt }) => attempt));
    const ofNewest = kept.filter(({ attempt }) => attempt === newest);
    const available = ofNewest.filter(({ status }) => status === 'available');
    if (available.length > 0) return available.toSorted((a, b) => (a.kind < b.kind ? -1 : 1));
    const [expired] = ofNewest;
    if (!expired) throw new Refusal('not_found', 'the job has no artifacts');
    throw new Refusal(
      'artifact_expired',
      `the artifact ${expired.name} expired at ${expired.expiresAt ?? 'an earlier time'}`,
    );
  }

  async entriesOf(artifact: ArtifactDoc): Promise<TreeEntry[]> {
    const bytes = await this.objects.read(artifact.manifestDigest);
    if (!bytes) throw new PermanentError(`the manifest of artifact ${artifact.id} is missing`);
    return parseManifest(bytes).entries;
  }

  /** A regular file by its path in the artifacts. A link leads elsewhere and is not followed (CVE-2021-21602). */
  async file(artifacts: readonly ArtifactDoc[], path: string): Promise<FileEntry> {
    if (pathProblem(path) === undefined) {
      for (const artifact of artifacts) {
        const entry = (await this.entriesOf(artifact)).find((candidate) => candidate.path === path);
        if (entry?.kind === 'file') return entry;
      }
    }
    throw new Refusal('not_found', 'the artifacts hold no such file');
  }
}
