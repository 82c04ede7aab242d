import { describe, it } from '@jest/globals';
import { ArtifactCommitted, ArtifactExpired, ArtifactRefused, type ArtifactUploaded } from '@foldline/contracts';
import { givenWhenThen } from '@foldline/testing';
import { artifactDecider, type ArtifactCommand } from './artifact.decider.ts';

const given = givenWhenThen(artifactDecider);

const artifact = {
  artifactId: 'a1',
  pipelineId: 'p1',
  projectId: 'pr1',
  jobId: 'p1.0',
  attempt: 1,
  name: 'build',
  kind: 'archive' as const,
  manifestDigest: 'ab'.repeat(32),
  files: 2,
  bytes: 30,
};
const upload: ReturnType<typeof ArtifactUploaded>['data'] = { ...artifact, attemptId: 'p1.0.1', expireInSeconds: 60 };
const expiresAt = '2030-01-01T00:01:00.000Z';
const commit: ArtifactCommand = { type: 'CommitArtifact', upload, expiresAt };
const committed = ArtifactCommitted({ ...artifact, expiresAt });
const refused = ArtifactRefused({
  artifactId: 'a1',
  pipelineId: 'p1',
  projectId: 'pr1',
  jobId: 'p1.0',
  attempt: 1,
  name: 'build',
  kind: 'archive',
  because: 'a file is missing',
});
const expired = ArtifactExpired({
  artifactId: 'a1',
  pipelineId: 'p1',
  jobId: 'p1.0',
  manifestDigest: artifact.manifestDigest,
  bytes: 30,
});

describe('an artifact', () => {
  describe('when its upload is complete', () => {
    it('is committed until it expires', () => given().when(commit).then(committed));
    it('is committed for ever when it does not expire', () =>
      given().when({ type: 'CommitArtifact', upload }).then(ArtifactCommitted(artifact)));
    it('is committed once, however often the news arrives', () => given(committed).when(commit).thenNothing());
    it('stays refused when it was refused before', () => given(refused).when(commit).thenNothing());
  });

  describe('when its upload is not what was announced', () => {
    const problem: ArtifactCommand = { ...commit, problem: 'a file is missing' };
    it('is refused with the reason', () => given().when(problem).then(refused));
    it('is refused once', () => given(refused).when(problem).thenNothing());
    it('stays committed when it was committed before', () => given(committed).when(problem).thenNothing());
  });

  describe('when its time is over', () => {
    it('expires', () => given(committed).when({ type: 'ExpireArtifact' }).then(expired));
    it('expires once', () => given(committed, expired).when({ type: 'ExpireArtifact' }).thenNothing());
    it('does not expire when it was never available', () => {
      given().when({ type: 'ExpireArtifact' }).thenNothing();
      given(refused).when({ type: 'ExpireArtifact' }).thenNothing();
    });
    it('does not come back with a late upload', () => given(committed, expired).when(commit).thenNothing());
  });
});
