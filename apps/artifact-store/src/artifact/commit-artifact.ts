import { Inject, Injectable } from '@nestjs/common';
import { artifactStream, type ArtifactUploaded, type Recorded } from '@foldline/contracts';
import { because, COMMANDS, PORT, type Commands, type ObjectStore } from '@foldline/kernel';
import { BlobGate } from '../expiry/blob-gate.ts';
import { problemOfUpload } from '../manifest/verify-upload.ts';
import { artifactDecider } from './artifact.decider.ts';

export type ArtifactUpload = Recorded<ReturnType<typeof ArtifactUploaded>>;

/** An artifact becomes visible when every byte that its manifest names is there (reliability: upload atomicity). */
@Injectable()
export class CommitArtifact {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.objectStore) private readonly objects: ObjectStore,
    @Inject(BlobGate) private readonly gate: BlobGate,
  ) {}

  async commit(event: ArtifactUpload): Promise<void> {
    await this.gate.committing(async () => this.answer(event, await problemOfUpload(event.data, this.objects)));
  }

  /** Answers an upload once; one that was answered before keeps its answer. */
  async answer(event: ArtifactUpload, problem?: string): Promise<void> {
    const upload = event.data;
    const expiresAt = expiryOf(event.recordedAt, upload.expireInSeconds);
    await this.commands.handle(
      artifactStream(upload.artifactId),
      artifactDecider,
      {
        type: 'CommitArtifact',
        upload,
        ...(expiresAt !== undefined && { expiresAt }),
        ...(problem !== undefined && { problem }),
      },
      because(event, 'artifact-store'),
    );
  }
}

/** Later years are written with a sign and would sort before all others. */
const LAST_INSTANT_MS = Date.parse('9999-12-31T23:59:59.999Z');

/** Counted from when the upload was recorded, so that a later delivery gives the same answer. */
const expiryOf = (recordedAt: string, seconds: number | undefined): string | undefined =>
  seconds === undefined
    ? undefined
    : new Date(Math.min(Date.parse(recordedAt) + Math.max(0, seconds) * 1000, LAST_INSTANT_MS)).toISOString();
