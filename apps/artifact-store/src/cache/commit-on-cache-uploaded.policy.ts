import { Inject, Injectable } from '@nestjs/common';
import { cacheStream, type CacheUploaded, type Recorded } from '@foldline/contracts';
import { because, COMMANDS, PORT, type Commands, type ObjectStore } from '@foldline/kernel';
import { BlobGate } from '../expiry/blob-gate.ts';
import { problemOfUpload } from '../manifest/verify-upload.ts';
import { cacheDecider } from './cache.decider.ts';

/** A cache entry becomes the newest of its key when every byte that its manifest names is there. */
@Injectable()
export class CommitCache {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.objectStore) private readonly objects: ObjectStore,
    @Inject(BlobGate) private readonly gate: BlobGate,
  ) {}

  async onCacheUploaded(event: Recorded<ReturnType<typeof CacheUploaded>>): Promise<void> {
    await this.gate.committing(async () => {
      const problem = await problemOfUpload(event.data, this.objects);
      await this.commands.handle(
        cacheStream(event.data.cacheId),
        cacheDecider,
        { type: 'CommitCache', upload: event.data, ...(problem !== undefined && { problem }) },
        because(event, 'artifact-store'),
      );
    });
  }
}
