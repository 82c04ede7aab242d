import {
  AttemptStarted,
  JobAssigned,
  JobHeld,
  JobQueued,
  PipelineFinished,
  PipelineRequested,
  PipelineStarted,
  type PipelineContext,
} from '@foldline/contracts';
import type { Gateway } from './gateway.fixture.ts';
import { projectIdOf } from './projects/project-names.ts';
import { planOf, plannedJob, sampleContext as sample } from '@foldline/testing';

const because = { rule: 'first stage', detail: 'its stage is the first', jobs: [] };

export type StartedJob = { pipelineId: string; jobId: string; attemptId: string; context: PipelineContext };

/** A pipeline of two jobs, as the other services would record it: the first one runs, the second waits for a person. */
export const startJob = async (gateway: Gateway, pipelineId: string, owner = 'ada'): Promise<StartedJob> => {
  const project = {
    id: projectIdOf(owner, 'engine'),
    owner,
    name: 'engine',
    url: gateway.repository.url,
    defaultBranch: 'main',
  };
  const context: PipelineContext = { ...sample, pipelineId, project };
  const plan = planOf(plannedJob(0, 'build'), plannedJob(1, 'deploy', { when: 'manual' }));
  const jobId = `${pipelineId}.0`;
  const first = { pipelineId, jobId, attempt: 1 };
  const given = { job: plan.jobs[0]!, context, pipelineVariables: {}, artifactJobs: [] };
  const cluster = { id: 'c', power: 'low-power' };
  const { projectVariables, secrets, variables, ref } = context;
  const wanted = { pipelineId, project, ref, source: 'api' as const, variables, projectVariables, secrets };
  await gateway.record(`trigger-${pipelineId}`, pipelineId, PipelineRequested(wanted));
  await gateway.record(
    `pipeline-${pipelineId}`,
    pipelineId,
    PipelineStarted({ pipelineId, context, plan }),
    JobQueued({ ...first, priority: 5, because }),
    JobHeld({ pipelineId, jobId: `${pipelineId}.1`, because: { rule: 'manual', detail: 'when: manual', jobs: [] } }),
    JobAssigned({ ...first, runnerId: 'r', cluster, because, ...given }),
  );
  const attemptId = `${jobId}.1`;
  await gateway.record(
    `attempt-${attemptId}`,
    pipelineId,
    AttemptStarted({ ...first, attemptId, runnerId: 'r', executor: 'process' }),
  );
  return { pipelineId, jobId, attemptId, context };
};

export const finishPipeline = async (gateway: Gateway, { pipelineId, context }: StartedJob): Promise<void> => {
  await gateway.record(
    `pipeline-${pipelineId}`,
    pipelineId,
    PipelineFinished({ pipelineId, status: 'success', context }),
  );
};
