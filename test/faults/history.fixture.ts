import { createHash } from 'node:crypto';
import { serializeLayered, serializeManifest } from '@foldline/contracts';
import type { History } from './check-history.mjs';

export type Event = History['events'][number];
const PIPELINE = 'p1';
const BUILD = 'p1.0';
const TEST = 'p1.1';
const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Collects events as a log would: numbered in their streams and in the whole. */
class Log {
  readonly events: Event[] = [];

  add(stream: string, type: string, data: Record<string, unknown> = {}): this {
    const position = this.events.length + 1;
    const revision = this.events.filter((event) => event.stream === stream).length;
    const recordedAt = new Date(position * 1000).toISOString();
    const actor = { kind: 'system', id: 'test' } as const;
    const causationId = `cause of e${position}`;
    const about = { causationId, correlationId: PIPELINE, actor, recordedAt, version: 1 };
    this.events.push({ ...about, id: `e${position}`, stream, type, revision, position, data });
    return this;
  }

  /** The last event follows from the one of this type that is the newest. */
  because(type: string): this {
    const cause = this.events.findLast((event) => event.type === type)!;
    this.events.at(-1)!.causationId = cause.id;
    return this;
  }

  trigger(type: string, data: object = {}): this {
    return this.add(`trigger-${PIPELINE}`, type, { pipelineId: PIPELINE, ...data });
  }

  pipeline(type: string, data: object = {}): this {
    return this.add(`pipeline-${PIPELINE}`, type, { pipelineId: PIPELINE, ...data });
  }

  attempt(type: string, jobId: string, attempt: number, data: object = {}): this {
    const attemptId = `${jobId}.${attempt}`;
    return this.add(`attempt-${attemptId}`, type, { attemptId, pipelineId: PIPELINE, jobId, attempt, ...data });
  }

  notified(notificationId: string): this {
    const stream = `notification-${notificationId}`;
    const names = { notificationId, subscriptionId: 's1', pipelineId: PIPELINE };
    return this.add(stream, 'NotificationRequested', names).add(stream, 'NotificationDelivered', names);
  }

  sealed(jobId: string, attempt: number, log: Buffer, complete = true): this {
    const attemptId = `${jobId}.${attempt}`;
    return this.add(`log-${attemptId}`, 'LogSealed', { attemptId, bytes: log.length, sha256: digestOf(log), complete });
  }
}

const lines = (attemptId: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `line ${n + 1} of ${attemptId} at ${n}`);
const logOf = (attemptId: string, count: number): Buffer =>
  Buffer.from(`$ sh work.sh\n${lines(attemptId, count).join('\n')}\n`);
/** The job wrote at this time of day (ms), one line after the other. */
const sideOf = (attemptId: string, count: number, at: number) =>
  lines(attemptId, count).map((text, n) => ({ text, number: n + 1, at: at + n }));

const file = Buffer.from('built\n');
const manifest = serializeManifest([
  { kind: 'file', path: 'out.txt', mode: 0o644, size: file.length, digest: digestOf(file) },
]);
const layer = Buffer.from('an image');
const layered = serializeLayered([{ digest: digestOf(layer), bytes: layer.length, content: 0 }], []);
const artifact = { artifactId: 'a1', jobId: BUILD, manifestDigest: digestOf(manifest) };

/**
 * A good run: `build` loses its first attempt to a crash and uploads an artifact in its second, `test` follows, and a
 * person runs `test` again after the end. Everything was acknowledged, seen and kept.
 */
export const goodHistory = (): History => {
  const logs = { lost: logOf(`${BUILD}.1`, 2), build: logOf(`${BUILD}.2`, 3), test: logOf(`${TEST}.1`, 3) };
  const again = logOf(`${TEST}.2`, 3);
  const sent = (log: Buffer) => ({ log: { bytes: log.length, sha256: digestOf(log) } });
  const context = { project: { id: 'pr1' } };
  const log = new Log()
    .add('project-pr1', 'SubscriptionRequested', { subscriptionId: 's1', projectId: 'pr1' })
    .add('subscription-s1', 'SubscriptionCreated', { subscriptionId: 's1', projectId: 'pr1' })
    .because('SubscriptionRequested')
    .trigger('PipelineRequested')
    .add(`plan-${PIPELINE}`, 'PipelinePlanned', { pipelineId: PIPELINE })
    .because('PipelineRequested')
    .pipeline('PipelineStarted')
    .because('PipelinePlanned')
    .pipeline('JobQueued', { jobId: BUILD, attempt: 1 })
    .pipeline('JobAssigned', { jobId: BUILD, attempt: 1, runnerId: 'one' })
    .attempt('AttemptStarted', BUILD, 1, { runnerId: 'one' })
    .attempt('AttemptFinished', BUILD, 1, { outcome: 'lost', commits: [] })
    .pipeline('JobFailed', { jobId: BUILD, attempt: 1, reason: 'runner_lost', final: false, allowed: false })
    .pipeline('JobRetried', { jobId: BUILD, attempt: 2, by: 'runner_lost' })
    .pipeline('JobQueued', { jobId: BUILD, attempt: 2 })
    .sealed(BUILD, 1, logs.lost, false)
    .pipeline('JobAssigned', { jobId: BUILD, attempt: 2, runnerId: 'one' })
    .attempt('AttemptStarted', BUILD, 2, { runnerId: 'one' })
    .attempt('ArtifactUploaded', BUILD, 2, artifact)
    .attempt('AttemptFinished', BUILD, 2, { outcome: 'success', commits: ['a1'], ...sent(logs.build) })
    .pipeline('JobFinishing', { jobId: BUILD, attempt: 2 })
    .add('artifact-a1', 'ArtifactCommitted', artifact)
    .pipeline('JobSucceeded', { jobId: BUILD, attempt: 2 })
    .pipeline('JobQueued', { jobId: TEST, attempt: 1 })
    .sealed(BUILD, 2, logs.build)
    .pipeline('JobAssigned', { jobId: TEST, attempt: 1, runnerId: 'one' })
    .attempt('AttemptStarted', TEST, 1, { runnerId: 'one' })
    .attempt('AttemptFinished', TEST, 1, { outcome: 'success', commits: [], ...sent(logs.test) })
    .add('deployment-d1', 'DeploymentStarted', { deploymentId: 'd1', jobId: TEST })
    .because('JobAssigned')
    .sealed(TEST, 1, logs.test)
    .pipeline('JobSucceeded', { jobId: TEST, attempt: 1 })
    .add('deployment-d1', 'DeploymentSucceeded', { deploymentId: 'd1', jobId: TEST })
    .add('environment-n1', 'EnvironmentDeployed', { environmentId: 'n1', deploymentId: 'd1' })
    .because('DeploymentSucceeded')
    .pipeline('PipelineFinished', { status: 'success', context })
    .notified('n1')
    .trigger('JobRetryRequested', { jobId: TEST })
    .pipeline('PipelineReopened', { jobId: TEST })
    .pipeline('JobRetried', { jobId: TEST, attempt: 2, by: 'user' })
    .pipeline('JobQueued', { jobId: TEST, attempt: 2 })
    .pipeline('JobAssigned', { jobId: TEST, attempt: 2, runnerId: 'one' })
    .attempt('AttemptStarted', TEST, 2, { runnerId: 'one' })
    .attempt('AttemptFinished', TEST, 2, { outcome: 'success', commits: [], ...sent(again) })
    .sealed(TEST, 2, again)
    .pipeline('JobSucceeded', { jobId: TEST, attempt: 2 })
    .pipeline('PipelineFinished', { status: 'success', context })
    .notified('n2');
  const startOf = (attemptId: string): number =>
    Date.parse(log.events.find(({ stream }) => stream === `attempt-${attemptId}`)!.recordedAt) + 100;
  const objects = new Map([manifest, file, layered, layer].map((bytes) => [digestOf(bytes), bytes]));
  const stored = {
    [`${BUILD}.1`]: logs.lost,
    [`${BUILD}.2`]: logs.build,
    [`${TEST}.1`]: logs.test,
    [`${TEST}.2`]: again,
  };
  return {
    events: log.events,
    requests: [
      { kind: 'trigger', key: 'k1', answer: { id: PIPELINE } },
      { kind: 'trigger', key: 'k1', answer: { id: PIPELINE } },
      { kind: 'retry', key: 'k2', pipelineId: PIPELINE, jobId: TEST, answer: {} },
    ],
    logs: new Map(Object.entries(stored).map(([id, bytes]) => [id, { bytes, sealed: true }])),
    side: new Map([
      [`${BUILD}.1`, sideOf(`${BUILD}.1`, 5, startOf(`${BUILD}.1`))],
      [`${BUILD}.2`, sideOf(`${BUILD}.2`, 3, startOf(`${BUILD}.2`))],
      [`${TEST}.1`, sideOf(`${TEST}.1`, 3, startOf(`${TEST}.1`))],
      [`${TEST}.2`, sideOf(`${TEST}.2`, 3, startOf(`${TEST}.2`))],
    ]),
    seen: [
      { attemptId: `${BUILD}.2`, offset: 0, bytes: logs.build.subarray(0, 20), complete: false },
      { attemptId: `${BUILD}.2`, offset: 20, bytes: logs.build.subarray(20), complete: true },
    ],
    trees: [
      { id: 'a1', manifestDigest: digestOf(manifest) },
      { id: 'c1', manifestDigest: digestOf(layered) },
    ],
    objects: (digest) => objects.get(digest),
    received: ['n1', 'n2', 'n2'],
    replay: { differences: [] },
    parked: [],
    checkpoints: { scheduler: log.events.length, runner: log.events.length },
    lastPosition: log.events.length,
    leftovers: { processes: [], directories: [] },
    server: { internalErrors: [], unexpectedEnds: [] },
    plannedFailures: () => false,
  };
};
