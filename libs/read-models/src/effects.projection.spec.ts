import { describe, expect, it } from '@jest/globals';
import {
  ArtifactCommitted,
  ArtifactExpired,
  ArtifactRefused,
  CacheCommitted,
  cacheIndexKey,
  COLLECTION,
  DeploymentFailed,
  DeploymentStarted,
  DeploymentSucceeded,
  EnvironmentCreated,
  EnvironmentDeployed,
  NotificationAbandoned,
  NotificationAttempted,
  NotificationDelivered,
  NotificationRequested,
  RunnerDraining,
  RunnerLost,
  RunnerRegistered,
  SubscriptionRemovalRequested,
  SubscriptionRequested,
  WebhookReceived,
  type ArtifactDoc,
  type CacheDoc,
  type NewEvent,
  type RunnerDoc,
} from '@foldline/contracts';
import { documentAfter, indexesOf, timeAt } from './history.fixture.ts';

const about = { artifactId: 'a1', pipelineId: 'p1', jobId: 'p1.0' };
const content = { manifestDigest: 'd'.repeat(64), files: 2, bytes: 30 };

describe('an artifact document', () => {
  const expiresAt = '2030-02-01T00:00:00.000Z';
  const committed = ArtifactCommitted({
    ...about,
    ...content,
    projectId: 'pr1',
    attempt: 1,
    name: 'dist',
    kind: 'archive',
    expiresAt,
  });
  const after = (...events: NewEvent[]): ArtifactDoc =>
    documentAfter<ArtifactDoc>(COLLECTION.artifacts, 'a1', ...events)!;

  it('is available from its commit on', () =>
    expect(after(committed)).toMatchObject({ status: 'available', name: 'dist', committedAt: timeAt(1), expiresAt }));

  it('stays as a record when it has expired, and is no longer due', () => {
    const expired = after(committed, ArtifactExpired({ ...about, manifestDigest: content.manifestDigest, bytes: 30 }));
    expect(expired).toMatchObject({ status: 'expired', bytes: 30 });
    expect(indexesOf(COLLECTION.artifacts, after(committed)).byExpiry).toBe(`${expiresAt}/a1`);
    expect(indexesOf(COLLECTION.artifacts, expired)).not.toHaveProperty('byExpiry');
  });

  it('is found by its job', () => expect(indexesOf(COLLECTION.artifacts, after(committed)).byJob).toBe('p1.0/a1'));

  it('tells why it was refused', () =>
    expect(after(ArtifactRefused({ ...about, because: 'a file is missing' }))).toMatchObject({
      status: 'refused',
      because: 'a file is missing',
    }));

  it('is known by its project, its attempt and its name also when it was refused', () => {
    const named = { projectId: 'pr1', attempt: 2, name: 'dist', kind: 'reports' as const };
    const refused = after(ArtifactRefused({ ...about, ...named, because: 'a file is missing' }));
    expect(refused).toMatchObject({ ...named, status: 'refused' });
    expect(indexesOf(COLLECTION.artifacts, refused).byProject).toBe(`pr1/${timeAt(1)}/a1`);
  });
});

describe('a cache document', () => {
  it('is found by the beginning of its key in its scope', () => {
    const committed = CacheCommitted({
      cacheId: 'c1',
      pipelineId: 'p1',
      projectId: 'pr1',
      jobId: 'p1.0',
      scope: 'protected',
      key: 'main-abc',
      ...content,
    });
    const doc = documentAfter<CacheDoc>(COLLECTION.caches, 'c1', committed)!;
    expect(doc).toEqual({
      id: 'c1',
      projectId: 'pr1',
      jobId: 'p1.0',
      scope: 'protected',
      key: 'main-abc',
      ...content,
      committedAt: timeAt(1),
      lastUsedAt: timeAt(1),
    });
    expect(indexesOf(COLLECTION.caches, doc).byKey!.startsWith(cacheIndexKey('pr1', 'protected', 'main-'))).toBe(true);
  });
});

describe('environments and deployments', () => {
  const environment = { environmentId: 'e1', projectId: 'pr1', name: 'production' };
  const deployment = {
    deploymentId: 'd1',
    environmentId: 'e1',
    projectId: 'pr1',
    environment: 'production',
    pipelineId: 'p1',
    jobId: 'p1.0',
  };
  const started = DeploymentStarted({ ...deployment, sha: 's', ref: 'main', url: 'https://app.example' });

  it('show what runs in the environment now', () => {
    const deployed = (deploymentId: string) =>
      EnvironmentDeployed({ ...environment, deploymentId, sha: deploymentId, ref: 'main' });
    expect(
      documentAfter(COLLECTION.environments, 'e1', EnvironmentCreated(environment), deployed('d1'), deployed('d2')),
    ).toEqual({
      id: 'e1',
      projectId: 'pr1',
      name: 'production',
      current: { deploymentId: 'd2', sha: 'd2', ref: 'main', at: timeAt(3) },
    });
  });

  it('show how a deployment went', () => {
    expect(documentAfter(COLLECTION.deployments, 'd1', started)).toMatchObject({
      status: 'deploying',
      url: 'https://app.example',
    });
    expect(documentAfter(COLLECTION.deployments, 'd1', started, DeploymentSucceeded(deployment))).toMatchObject({
      status: 'success',
      finishedAt: timeAt(2),
    });
    const failed = documentAfter(
      COLLECTION.deployments,
      'd1',
      started,
      DeploymentFailed({ ...deployment, because: 'the job failed' }),
    );
    expect(failed).toMatchObject({ status: 'failed', because: 'the job failed' });
  });
});

describe('subscriptions and notifications', () => {
  const channel = { kind: 'slack' as const, sealedUrl: 'sealed', host: 'hooks.example' };
  const wished = SubscriptionRequested({ subscriptionId: 's1', projectId: 'pr1', channel, on: ['failed'] });
  const about = { notificationId: 'n1', subscriptionId: 's1' };
  const requested = NotificationRequested({ ...about, projectId: 'pr1', pipelineId: 'p1', channel, payload: {} });
  const tried = NotificationAttempted({ ...about, attempt: 1, status: 500, durationMs: 4 });

  it('show where messages go without the address', () => {
    const doc = documentAfter(COLLECTION.subscriptions, 's1', wished);
    expect(doc).toEqual({
      id: 's1',
      projectId: 'pr1',
      kind: 'slack',
      host: 'hooks.example',
      on: ['failed'],
      createdAt: timeAt(1),
      position: 1,
    });
    expect(indexesOf(COLLECTION.subscriptions, doc!)).toEqual({ byProject: 'pr1/s1' });
  });

  it('end with their removal', () => {
    const removal = SubscriptionRemovalRequested({ subscriptionId: 's1', projectId: 'pr1' });
    expect(documentAfter(COLLECTION.subscriptions, 's1', wished, removal)).toBeUndefined();
  });

  it('show every attempt to deliver a message and how it ended', () => {
    expect(documentAfter(COLLECTION.notifications, 'n1', requested, tried)).toMatchObject({
      status: 'pending',
      attempts: [{ attempt: 1, at: timeAt(2), status: 500, durationMs: 4 }],
    });
    const delivered = NotificationDelivered({ ...about, attempt: 2 });
    expect(documentAfter(COLLECTION.notifications, 'n1', requested, delivered)).toMatchObject({ status: 'delivered' });
    const abandoned = NotificationAbandoned({ ...about, because: 'no answer' });
    expect(documentAfter(COLLECTION.notifications, 'n1', requested, abandoned)).toMatchObject({
      status: 'abandoned',
      because: 'no answer',
    });
  });
});

describe('a runner document', () => {
  const offer = {
    cluster: { id: 'c1', power: 'low-power' as const },
    cpu: 2,
    memoryBytes: 1,
    diskBytes: 1,
    slots: 2,
    executors: ['process'],
  };
  const registered = (epoch: string) => RunnerRegistered({ runnerId: 'r1', epoch, offer });
  const lost = (epoch: string) => RunnerLost({ runnerId: 'r1', epoch, because: 'silent' });

  it('is lost when its process is', () =>
    expect(documentAfter(COLLECTION.runners, 'r1', registered('1'), lost('1'))).toMatchObject({
      status: 'lost',
      since: timeAt(2),
    }));
  it('drains while it is being stopped, and then it is stopped', () => {
    const draining = RunnerDraining({ runnerId: 'r1', epoch: '1' });
    const stopped = RunnerLost({ runnerId: 'r1', epoch: '1', because: 'it was stopped', inOrder: true });
    const statusAfter = (...events: NewEvent[]) =>
      documentAfter<RunnerDoc>(COLLECTION.runners, 'r1', ...events)?.status;
    expect(statusAfter(registered('1'), draining)).toBe('draining');
    expect(statusAfter(registered('1'), draining, stopped)).toBe('stopped');
    expect(statusAfter(registered('1'), registered('2'), draining)).toBe('online');
  });
  it('is found among those that are connected until it is lost or stopped', () => {
    const isFound = (...events: NewEvent[]): boolean =>
      'connected' in indexesOf(COLLECTION.runners, documentAfter(COLLECTION.runners, 'r1', ...events)!);
    expect(isFound(registered('1'))).toBe(true);
    expect(isFound(registered('1'), RunnerDraining({ runnerId: 'r1', epoch: '1' }))).toBe(true);
    expect(isFound(registered('1'), lost('1'))).toBe(false);
  });
  it('stays online when the news is about an earlier process', () =>
    expect(documentAfter(COLLECTION.runners, 'r1', registered('1'), registered('2'), lost('1'))).toMatchObject({
      status: 'online',
      epoch: '2',
    }));
});

describe('a delivery document', () => {
  it('shows what came of the delivery', () => {
    const received = WebhookReceived({
      deliveryId: 'x-1',
      forge: 'github',
      event: 'push',
      outcome: 'triggered',
      because: 'pushed',
      pipelineIds: ['p1'],
      bytes: 9,
    });
    expect(documentAfter(COLLECTION.deliveries, 'x-1', received)).toEqual({
      id: 'x-1',
      forge: 'github',
      event: 'push',
      outcome: 'triggered',
      because: 'pushed',
      pipelineIds: ['p1'],
      receivedAt: timeAt(1),
    });
  });
});
