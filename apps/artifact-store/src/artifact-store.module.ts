import { Module } from '@nestjs/common';
import { CommitArtifact } from './artifact/commit-on-artifact-uploaded.policy.ts';
import { ArtifactStoreEvents } from './artifact-store.events.ts';
import { CommitCache } from './cache/commit-on-cache-uploaded.policy.ts';
import { BlobGate } from './expiry/blob-gate.ts';
import { ExpireArtifacts } from './expiry/expire-artifacts.background.ts';
import { SealLog } from './log/seal-log.policy.ts';

/** Commits uploads, seals logs and lets artifacts expire. */
@Module({
  controllers: [ArtifactStoreEvents],
  providers: [BlobGate, CommitArtifact, CommitCache, ExpireArtifacts, SealLog],
})
export class ArtifactStoreModule {}
