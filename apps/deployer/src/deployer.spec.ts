import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Global, Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  JobAssigned,
  JobCancelled,
  JobFailed,
  JobSucceeded,
  type NewEvent,
  type PipelineContext,
  type PlannedJob,
  type RecordedEvent,
} from '@foldline/contracts';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import { COMMANDS, Commands, derivedId, PORT, type EventStore, type Logger, type ReadModels } from '@foldline/kernel';
import { ManualClock, plannedJob } from '@foldline/testing';
import { DeployerEvents } from './deployer.events.ts';
import { DeployerModule } from './deployer.module.ts';

let directory: string;
let store: EventStore;
let app: INestApplicationContext;
const clock = new ManualClock();
const nothing = (): void => undefined;
const silent: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

const start = async (): Promise<void> => {
  const commands = { provide: COMMANDS, useValue: new Commands(store, clock, 'deployer') };
  // Of services there is nothing to be found as long as no document shows any.
  const behind: ReadModels = { position: () => 0, reached: async () => false };
  const given = { eventStore: store, readModels: behind, clock, logger: silent, settings: { buildWorkers: 1 } };
  const ports = Object.entries(PORT).map(([name, provide]) => ({
    provide,
    useValue: (given as Record<string, unknown>)[name] ?? {},
  }));
  @Global()
  @Module({ providers: [commands, ...ports], exports: [COMMANDS, ...Object.values(PORT)] })
  class Ports {}
  @Module({ imports: [Ports, DeployerModule] })
  class Host {}
  app = await NestFactory.createApplicationContext(Host, { logger: false, abortOnError: false });
};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-deployer-'));
  store = await openEmbeddedEventStore({ directory, now: () => clock.now() });
  await start();
});
afterEach(async () => {
  await app.close();
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const events = (): DeployerEvents => app.get(DeployerEvents, { strict: false });
const recorded = <Type extends string, Data>(event: NewEvent<Type, Data>, id: string): RecordedEvent<Type, Data> => ({
  ...event,
  id,
  stream: 'pipeline-p1',
  revision: 0,
  position: 1,
  causationId: 'c',
  correlationId: 'p1',
  actor: { kind: 'system', id: 'scheduler' },
  recordedAt: clock.now(),
});

const job = { pipelineId: 'p1', jobId: 'p1.2', attempt: 1 };
const context: PipelineContext = {
  pipelineId: 'p1',
  project: { id: 'pr1', owner: 'acme', name: 'shop', url: '/srv/shop', defaultBranch: 'main' },
  ref: { name: 'main', kind: 'branch', protected: true },
  sha: 'a'.repeat(40),
  message: 'm',
  source: 'api',
  variables: {},
  projectVariables: [],
  secrets: [],
};
const assigned = (
  attempt = 1,
  environment: PlannedJob['environment'] | undefined = { name: 'production', url: 'https://app.test/' },
) =>
  recorded(
    JobAssigned({
      ...job,
      attempt,
      runnerId: 'r1',
      cluster: { id: 'c', power: 'high-power' },
      job: plannedJob(2, 'deploy', environment && { environment }),
      context,
      pipelineVariables: {},
      artifactJobs: [],
      because: { rule: 'r', detail: 'd', jobs: [] },
    }),
    `assigned-${attempt}`,
  );
const succeeded = (attempt = 1) => recorded(JobSucceeded({ ...job, attempt }), `succeeded-${attempt}`);
const failed = recorded(
  JobFailed({ ...job, reason: 'script_failure', detail: 'exit code 1', allowed: false, final: true }),
  'failed-1',
);
const cancelled = recorded(JobCancelled(job), 'cancelled-1');

const stored = (): Promise<RecordedEvent[]> => store.readAll({ after: 0, limit: 100 });
const types = async (): Promise<string[]> => (await stored()).map(({ type }) => type);
const lastOf = async (type: string): Promise<RecordedEvent> =>
  (await stored()).findLast((event) => event.type === type)!;

/** Hands an event over twice, and a third time after a restart: what a bus may do to it. */
const deliver = async (handle: (to: DeployerEvents) => Promise<void>): Promise<void> => {
  await handle(events());
  await handle(events());
  await app.close();
  await start();
  await handle(events());
};

describe('the deployer', () => {
  it('starts a deployment and makes its environment when the job is assigned', async () => {
    await deliver((to) => to.jobAssigned(assigned()));
    expect(await types()).toEqual(['EnvironmentCreated', 'DeploymentStarted']);
    expect((await lastOf('DeploymentStarted')).data).toEqual({
      deploymentId: derivedId('deployment', 'p1.2.1'),
      environmentId: derivedId('environment', 'pr1', 'production'),
      projectId: 'pr1',
      environment: 'production',
      pipelineId: 'p1',
      jobId: 'p1.2',
      sha: context.sha,
      ref: 'main',
      url: 'https://app.test/',
    });
  });

  it('shows what the environment runs when the job has succeeded', async () => {
    await events().jobAssigned(assigned());
    await deliver((to) => to.jobSucceeded(succeeded()));
    const success = await lastOf('DeploymentSucceeded');
    await deliver((to) => to.deploymentSucceeded(success as Parameters<DeployerEvents['deploymentSucceeded']>[0]));
    expect(await types()).toEqual([
      'EnvironmentCreated',
      'DeploymentStarted',
      'DeploymentSucceeded',
      'EnvironmentDeployed',
    ]);
    expect((await lastOf('EnvironmentDeployed')).data).toMatchObject({
      name: 'production',
      deploymentId: derivedId('deployment', 'p1.2.1'),
      sha: context.sha,
      ref: 'main',
      url: 'https://app.test/',
    });
  });

  it('shows the address that only the job could tell, unless it is none of the web', async () => {
    await events().jobAssigned(assigned(1, { name: 'review', url: 'https://$HOST/' }));
    const told = JobSucceeded({ ...job, environmentUrl: 'https://shop-7.example' });
    await deliver((to) => to.jobSucceeded(recorded(told, 'succeeded-1')));
    const success = await lastOf('DeploymentSucceeded');
    await deliver((to) => to.deploymentSucceeded(success as Parameters<DeployerEvents['deploymentSucceeded']>[0]));
    expect((await lastOf('EnvironmentDeployed')).data).toMatchObject({ url: 'https://shop-7.example/' });

    await events().jobAssigned(assigned(2, { name: 'review' }));
    const hostile = JobSucceeded({ ...job, attempt: 2, environmentUrl: 'javascript:alert(1)' });
    await deliver((to) => to.jobSucceeded(recorded(hostile, 'succeeded-2')));
    expect((await lastOf('DeploymentSucceeded')).data).not.toHaveProperty('url');
  });

  it('deploys to the same environment with the next attempt', async () => {
    await events().jobAssigned(assigned(1));
    await events().jobFailed(failed);
    await events().jobAssigned(assigned(2));
    await deliver((to) => to.jobSucceeded(succeeded(2)));
    expect(await types()).toEqual([
      'EnvironmentCreated',
      'DeploymentStarted',
      'DeploymentFailed',
      'DeploymentStarted',
      'DeploymentSucceeded',
    ]);
  });

  it('fails the deployment with the reason of its job', async () => {
    await events().jobAssigned(assigned());
    await deliver((to) => to.jobFailed(failed));
    expect((await lastOf('DeploymentFailed')).data).toMatchObject({ because: 'script_failure: exit code 1' });
    expect(await types()).toHaveLength(3);
  });

  it('fails the deployment of a cancelled job', async () => {
    await events().jobAssigned(assigned());
    await deliver((to) => to.jobCancelled(cancelled));
    expect((await lastOf('DeploymentFailed')).data).toMatchObject({ because: 'cancelled' });
  });

  it('takes no notice of a job that deploys nothing', async () => {
    const plain = assigned();
    delete plain.data.job.environment;
    await deliver((to) => to.jobAssigned(plain));
    await deliver((to) => to.jobSucceeded(succeeded()));
    await deliver((to) => to.jobFailed(failed));
    await deliver((to) => to.jobCancelled(cancelled));
    expect(await types()).toEqual([]);
  });

  it('takes no notice of a job that only uses its environment', async () => {
    await deliver((to) => to.jobAssigned(assigned(1, { name: 'production', action: 'verify' })));
    await deliver((to) => to.jobSucceeded(succeeded()));
    await deliver((to) => to.jobFailed(failed));
    await deliver((to) => to.jobCancelled(cancelled));
    expect(await types()).toEqual([]);
  });

  it('does not ask the log at the end of a job that deploys nothing', async () => {
    const plain = assigned();
    delete plain.data.job.environment;
    await events().jobAssigned(plain);
    await store.close();
    await expect(events().jobSucceeded(succeeded())).resolves.toBeUndefined();
  });

  it('keeps the correlation of the pipeline', async () => {
    await events().jobAssigned(assigned());
    expect((await stored()).map(({ correlationId }) => correlationId)).toEqual(['p1', 'p1']);
  });
});
