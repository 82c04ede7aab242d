import { ArtifactUploaded, CacheUploaded, attemptStream, type Recorded, type RecordedEvent } from '@foldline/contracts';
import type { EventStore } from '@foldline/kernel';

const PAGE = 1000;

export type Upload = Recorded<ReturnType<typeof ArtifactUploaded>> | Recorded<ReturnType<typeof CacheUploaded>>;

const isUpload = (event: RecordedEvent): event is Upload =>
  event.type === ArtifactUploaded.type || event.type === CacheUploaded.type;

/** The id by which the pipeline waits for it. */
export const commitIdOf = (upload: Upload): string =>
  upload.type === 'ArtifactUploaded' ? upload.data.artifactId : upload.data.cacheId;

/** What the runner says that the attempt has uploaded, in order. */
export const uploadsOfAttempt = async (store: EventStore, attemptId: string): Promise<Upload[]> => {
  const uploads: Upload[] = [];
  for (let from = 0; ; from += PAGE) {
    const page = await store.readStream(attemptStream(attemptId), from, PAGE);
    uploads.push(...page.filter(isUpload));
    if (page.length < PAGE) return uploads;
  }
};
