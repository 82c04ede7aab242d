import { Module } from '@nestjs/common';
import { CommitArtifact } from './artifact/commit-artifact.ts';
import { ArtifactStoreEvents } from './artifact-store.events.ts';
import { CommitCache } from './cache/commit-cache.ts';
import { BlobGate } from './expiry/blob-gate.ts';
import { ExpireArtifacts } from './expiry/expire-artifacts.background.ts';
import { SealLog } from './log/seal-log.policy.ts';
import { AnswerUploads } from './upload/answer-uploads.policy.ts';

/** Commits uploads, seals logs and lets artifacts expire. */
@Module({
  controllers: [ArtifactStoreEvents],
  providers: [AnswerUploads, BlobGate, CommitArtifact, CommitCache, ExpireArtifacts, SealLog],
})
export class ArtifactStoreModule {}
