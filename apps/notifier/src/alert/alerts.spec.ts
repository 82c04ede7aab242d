import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AlertRulesSet,
  DeploymentFailed,
  EnvironmentCreated,
  EnvironmentDeployed,
  JobQueued,
  NO_FINDINGS,
  PipelineFinished,
  PipelineRequested,
  PipelineStarted,
  SubscriptionRequested,
  VulnerabilitiesReported,
  type AlertFired,
  type AlertResolved,
  type NewEvent,
  type Recorded,
  type RecordedEvent,
} from '@foldline/contracts';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import type { EventStore, ReadStore } from '@foldline/kernel';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { ManualClock, plannedJob, planOf, sampleContext } from '@foldline/testing';
import { box, startNotifier } from '../notifier.fixture.ts';
import { NotifierEvents } from '../notifier.events.ts';
import { LOOK_EVERY_MS, QueueWatch } from './queue-watch.background.ts';

let directory: string;
let store: EventStore;
let reads: ReadStore;
let clock: ManualClock;
let app: INestApplicationContext;

const start = async (): Promise<void> => {
  app = await startNotifier({ store, reads, clock, allowPrivateTargets: false });
};
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-alerts-'));
  clock = new ManualClock();
  store = await openEmbeddedEventStore({ directory: join(directory, 'events'), now: () => clock.now() });
  reads = await openEmbeddedReadStore({ directory: join(directory, 'reads') });
  await start();
});
afterEach(async () => {
  await app.close();
  await reads.close();
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const events = (): NotifierEvents => app.get(NotifierEvents, { strict: false });
/** As other services store them. */
const recorded = async (stream: string, ...made: NewEvent[]): Promise<RecordedEvent[]> => {
  const before = await store.readStream(stream);
  const meta = (n: number) => ({
    id: `${stream}-${before.length + n}`,
    causationId: 'c',
    correlationId: 'p1',
    actor: { kind: 'system' as const, id: 'test' },
  });
  const stored = await store.append(
    stream,
    made.map((event, n) => ({ ...event, ...meta(n) })),
    before.length - 1,
  );
  return stored.events;
};
/** Alerts and the messages about them, each handled twice: types and rules, in their order. */
const alerts = async (): Promise<string[]> => {
  const told = await store.readStream('alert-pr1');
  return told.map(({ type, data }) => `${type} ${(data as { rule: string }).rule}`);
};
const tell = async (): Promise<void> => {
  for (const event of (await store.readStream('alert-pr1')) as unknown as Recorded<ReturnType<typeof AlertFired>>[]) {
    const told = event.type === 'AlertFired' ? 'alertFired' : 'alertResolved';
    await events()[told](event as never as Recorded<ReturnType<typeof AlertFired> & ReturnType<typeof AlertResolved>>);
  }
};
const messages = async (): Promise<Record<string, unknown>[]> =>
  (await store.readAll({ after: 0, limit: 1000 }))
    .filter(({ type }) => type === 'NotificationRequested')
    .map(({ data }) => (data as { payload: Record<string, unknown> }).payload);

const { project, ref, source, projectVariables, secrets, variables } = sampleContext;
const requested = (pipelineId: string) =>
  recorded(
    `trigger-${pipelineId}`,
    PipelineRequested({ pipelineId, project, ref, source, variables, projectVariables, secrets }),
  );
const end = async (pipelineId: string, status: 'success' | 'failed'): Promise<RecordedEvent> => {
  await requested(pipelineId);
  const context = { ...sampleContext, pipelineId };
  return (await recorded(`pipeline-${pipelineId}`, PipelineFinished({ pipelineId, status, context })))[0]!;
};
const finish = async (pipelineId: string, status: 'success' | 'failed'): Promise<void> => {
  const event = await end(pipelineId, status);
  for (let time = 0; time < 2; time += 1) await events().pipelineFinished(event as never);
};
const subscribe = async (...on: ('alert' | 'failed')[]): Promise<void> => {
  const sealedUrl = box.seal('https://hooks.example/x', 'project:pr1:subscription:s1');
  const channel = { kind: 'webhook' as const, sealedUrl, host: 'hooks.example' };
  const wish = SubscriptionRequested({ subscriptionId: 's1', projectId: 'pr1', channel, on });
  const [event] = await recorded('project-pr1', wish);
  await events().subscriptionRequested(event as never);
};

describe('an alert', () => {
  it('fires at the third failure of the default branch in a row, is resolved by a success, and each once', async () => {
    for (const id of ['p1', 'p2']) await finish(id, 'failed');
    expect(await alerts()).toEqual([]);
    for (const id of ['p3', 'p4']) await finish(id, 'failed');
    expect(await alerts()).toEqual(['AlertFired consecutive_failures']);
    await finish('p5', 'success');
    await app.close();
    await start();
    await finish('p6', 'success');
    expect(await alerts()).toEqual(['AlertFired consecutive_failures', 'AlertResolved consecutive_failures']);
  });

  it('is the same when the notifier comes late to all that happened', async () => {
    const ends: RecordedEvent[] = [];
    for (const [n, status] of (['failed', 'failed', 'failed', 'success', 'failed'] as const).entries())
      ends.push(await end(`p${n}`, status));
    for (const event of ends) await events().pipelineFinished(event as never);
    expect(await alerts()).toEqual(['AlertFired consecutive_failures', 'AlertResolved consecutive_failures']);
  });

  it('is told to who subscribed to alerts, once when it fires and once when it is resolved', async () => {
    await subscribe('alert');
    for (const id of ['p1', 'p2', 'p3']) await finish(id, 'failed');
    await finish('p4', 'success');
    await tell();
    await tell();
    expect(await messages()).toMatchObject([
      { type: 'alert.firing', project: 'pr1', rule: 'consecutive_failures', value: 3, threshold: 2 },
      { type: 'alert.resolved', rule: 'consecutive_failures', value: 0 },
    ]);
  });

  it('is not told to who subscribed to results alone', async () => {
    await subscribe('failed');
    for (const id of ['p1', 'p2', 'p3']) await finish(id, 'failed');
    const before = await messages();
    await tell();
    expect(await messages()).toEqual(before);
  });

  it('fires when a scan of the default branch finds something critical, once, and is told', async () => {
    await subscribe('alert');
    const attempt = { attemptId: 'p1.0.1', pipelineId: 'p1', jobId: 'p1.0', attempt: 1, projectId: 'pr1', sha: 's' };
    const about = { ...attempt, job: 'scan', place: 'scan', kind: 'sast' as const, scanner: 'Semgrep' };
    const counts = { ...NO_FINDINGS, critical: 3 };
    const inTime = { ofDefaultBranch: true as const, root: 'p1', requestedAt: clock.now() };
    const scanned = VulnerabilitiesReported({ ...about, ...counts, ...inTime });
    const [event] = await recorded('attempt-p1.0.1', scanned);
    for (let time = 0; time < 2; time += 1) await events().vulnerabilitiesReported(event as never);
    await tell();
    await tell();
    expect(await alerts()).toEqual(['AlertFired critical_vulnerabilities']);
    expect(await messages()).toMatchObject([
      { type: 'alert.firing', rule: 'critical_vulnerabilities', value: 3, threshold: 0, count: 1 },
    ]);
  });

  it('fires when a deployment fails, and when rules are set that held already', async () => {
    const environment = { environmentId: 'e1', projectId: 'pr1', name: 'production' };
    const of = { deploymentId: 'd1', environment: 'production', pipelineId: 'p1', jobId: 'p1.0', because: 'no' };
    await recorded('environment-e1', EnvironmentCreated(environment));
    const failed = DeploymentFailed({ ...of, environmentId: 'e1', projectId: 'pr1' });
    for (const event of await recorded('deployment-d1', failed)) await events().deploymentFailed(event as never);
    const deployed = EnvironmentDeployed({ ...environment, deploymentId: 'd2', sha: 's', ref: 'main' });
    for (const event of await recorded('environment-e1', deployed)) await events().environmentDeployed(event as never);
    await finish('p1', 'failed');
    const set = AlertRulesSet({ projectId: 'pr1', rules: [{ rule: 'consecutive_failures', threshold: 0 }] });
    for (const event of await recorded('project-pr1', set)) await events().alertRulesSet(event as never);
    expect(await alerts()).toEqual([
      'AlertFired deployment_failures',
      'AlertResolved deployment_failures',
      'AlertFired consecutive_failures',
    ]);
  });
});

describe('the queue', () => {
  const queue = async (pipelineId: string, jobs: number): Promise<void> => {
    const plan = planOf(...Array.from({ length: jobs }, (_, n) => plannedJob(n, `job ${n}`)));
    const because = { rule: 'r', detail: 'd', jobs: [] };
    const queued = plan.jobs.map(({ index }) =>
      JobQueued({ pipelineId, jobId: `${pipelineId}.${index}`, attempt: 1, priority: 5, because }),
    );
    const context = { ...sampleContext, pipelineId };
    await requested(pipelineId);
    await recorded(`pipeline-${pipelineId}`, PipelineStarted({ pipelineId, context, plan }), ...queued);
  };

  it('is looked at by the clock: more than a hundred waiting jobs fire, once, until there are fewer', async () => {
    await queue('p1', 100);
    await finish('p9', 'success');
    const watch = app.get(QueueWatch, { strict: false });
    await watch.look();
    expect(await alerts()).toEqual([]);
    await queue('p2', 1);
    await finish('p8', 'success');
    await clock.sleeping(LOOK_EVERY_MS);
    clock.advance(LOOK_EVERY_MS);
    await clock.sleeping(LOOK_EVERY_MS);
    await watch.look();
    expect(await alerts()).toEqual(['AlertFired queue_depth']);
    const set = AlertRulesSet({ projectId: 'pr1', rules: [{ rule: 'queue_depth', threshold: 101 }] });
    for (const event of await recorded('project-pr1', set)) await events().alertRulesSet(event as never);
    await watch.look();
    await watch.look();
    expect(await alerts()).toEqual(['AlertFired queue_depth', 'AlertResolved queue_depth']);
  });
});
