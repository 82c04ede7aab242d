import { COLLECTION, artifactIndexKey, type ArtifactDoc } from '@foldline/contracts';
import { everyDocument } from './every-document.ts';
import type { ReadStore } from './ports/read-store.port.ts';

/**
 * What an attempt of a job has kept for others, expired or not: what a late or earlier attempt has kept is not what the
 * job came to. Early releases did not say which attempt counts; then it is the latest that has kept anything.
 */
export const keptArtifacts = async (
  reads: Pick<ReadStore, 'query'>,
  jobId: string,
  attempt?: number,
): Promise<ArtifactDoc[]> => {
  const kept = await artifactsOf(jobId, reads);
  const counts = attempt ?? Math.max(...kept.map((each) => each.attempt));
  return kept.filter((each) => each.attempt === counts);
};

/** As the API does, this leaves out what was refused: of an earlier attempt there may be something that was not. */
const artifactsOf = async (jobId: string, reads: Pick<ReadStore, 'query'>): Promise<ArtifactDoc[]> => {
  const ofJob = { index: 'byJob', prefix: artifactIndexKey(jobId, '') };
  const found: ArtifactDoc[] = [];
  for await (const artifact of everyDocument<ArtifactDoc>(reads, COLLECTION.artifacts, ofJob)) {
    if (artifact.kind !== 'reports' && artifact.status !== 'refused') found.push(artifact);
  }
  return found;
};
