import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { ArtifactUploaded, AttemptFinished, CacheUploaded, JobFailed, type Recorded } from '@foldline/contracts';
import { CommitArtifact } from './artifact/commit-on-artifact-uploaded.policy.ts';
import { CommitCache } from './cache/commit-on-cache-uploaded.policy.ts';
import { SealLog } from './log/seal-log.policy.ts';

/** What the artifact-store reacts to. */
@Controller()
export class ArtifactStoreEvents {
  constructor(
    @Inject(CommitArtifact) private readonly commitArtifact: CommitArtifact,
    @Inject(CommitCache) private readonly commitCache: CommitCache,
    @Inject(SealLog) private readonly sealLog: SealLog,
  ) {}

  @EventPattern(ArtifactUploaded.type)
  artifactUploaded(@Payload() event: Recorded<ReturnType<typeof ArtifactUploaded>>): Promise<void> {
    return this.commitArtifact.onArtifactUploaded(event);
  }

  @EventPattern(CacheUploaded.type)
  cacheUploaded(@Payload() event: Recorded<ReturnType<typeof CacheUploaded>>): Promise<void> {
    return this.commitCache.onCacheUploaded(event);
  }

  @EventPattern(AttemptFinished.type)
  attemptFinished(@Payload() event: Recorded<ReturnType<typeof AttemptFinished>>): Promise<void> {
    return this.sealLog.onAttemptFinished(event);
  }

  @EventPattern(JobFailed.type)
  jobFailed(@Payload() event: Recorded<ReturnType<typeof JobFailed>>): Promise<void> {
    return this.sealLog.onJobFailed(event);
  }
}
