import { Inject, Injectable } from '@nestjs/common';
import { cacheStream, type CacheUploaded, type Recorded } from '@foldline/contracts';
import { because, COMMANDS, PORT, type Commands, type ObjectStore } from '@foldline/kernel';
import { BlobGate } from '../expiry/blob-gate.ts';
import { problemOfUpload } from '../manifest/verify-upload.ts';
import { cacheDecider } from './cache.decider.ts';

export type CacheUpload = Recorded<ReturnType<typeof CacheUploaded>>;

/** A cache entry becomes the newest of its key when every byte that its manifest names is there. */
@Injectable()
export class CommitCache {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.objectStore) private readonly objects: ObjectStore,
    @Inject(BlobGate) private readonly gate: BlobGate,
  ) {}

  async commit(event: CacheUpload): Promise<void> {
    await this.gate.committing(async () => this.answer(event, await problemOfUpload(event.data, this.objects)));
  }

  /** Answers an upload once; one that was answered before keeps its answer. */
  async answer(event: CacheUpload, problem?: string): Promise<void> {
    await this.commands.handle(
      cacheStream(event.data.cacheId),
      cacheDecider,
      { type: 'CommitCache', upload: event.data, ...(problem !== undefined && { problem }) },
      because(event, 'artifact-store'),
    );
  }
}
