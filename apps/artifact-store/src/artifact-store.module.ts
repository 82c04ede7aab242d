import { Module } from '@nestjs/common';
import { CommitArtifact } from './artifact/commit-artifact.ts';
import { ArtifactStoreEvents } from './artifact-store.events.ts';
import { CommitCache } from './cache/commit-cache.ts';
import { BlobGate } from './expiry/blob-gate.ts';
import { ExpireArtifacts } from './expiry/expire-artifacts.background.ts';
import { Maintain } from './maintenance/maintain.background.ts';
import { SealLog } from './log/seal-log.policy.ts';
import { AnswerUploads } from './upload/answer-uploads.policy.ts';

/** Commits uploads, seals logs, lets artifacts expire and prunes what is over. */
@Module({
  controllers: [ArtifactStoreEvents],
  providers: [AnswerUploads, BlobGate, CommitArtifact, CommitCache, ExpireArtifacts, Maintain, SealLog],
})
export class ArtifactStoreModule {}
