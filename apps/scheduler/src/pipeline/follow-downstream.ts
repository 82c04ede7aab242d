import {
  DownstreamReopened,
  JobCancelled,
  JobFailed,
  JobSkipped,
  JobSucceeded,
  type FailureReason,
  type PipelineResult,
} from '@foldline/contracts';
import type { Decision } from '@foldline/kernel';
import { cancelAfterFailure } from './auto-cancel.ts';
import { follow } from './follow.ts';
import type { PipelineEvent } from './pipeline.evolve.ts';
import { currentAttempt, isSettled, type JobState, type PipelineState } from './pipeline.state.ts';
import { reopen } from './reopen.ts';

/** What became of the pipeline that a job has started. */
export type DownstreamNews = {
  jobId: string;
  attempt: number;
  became: PipelineResult | 'started' | 'refused' | 'reopened';
  detail?: string | undefined;
};

type PipelineDecision = Decision<PipelineState, PipelineEvent>;

/**
 * Without a strategy the job has done its work once the other pipeline has begun; with one it ends when, and as, that
 * ends (docs/pipeline.md).
 */
export const followDownstream = (news: DownstreamNews, decision: PipelineDecision): void => {
  const job = currentAttempt(decision.state, news.jobId, news.attempt);
  if (job?.downstream?.attempt !== news.attempt) return;
  if (news.became === 'reopened') return reopenJob(job, decision);
  if (job.status !== 'triggered') return;
  const event = endOf(job, news, decision.state);
  if (!event) return;
  decision.emit(event);
  if (event.type === 'JobFailed' && !event.data.allowed) cancelAfterFailure(job, decision);
  follow(decision);
};

const endOf = (job: JobState, { became, detail }: DownstreamNews, state: PipelineState): PipelineEvent | undefined => {
  const { strategy } = job.planned.trigger!;
  const about = { pipelineId: state.context!.pipelineId, jobId: job.id, attempt: job.attempt };
  const failed = (reason: FailureReason, told: string): PipelineEvent =>
    JobFailed({ ...about, reason, detail: detail ?? told, allowed: job.planned.allowFailure, final: true });
  const because = { rule: 'trigger', detail: `the pipeline that it started was ${became}`, jobs: [] };
  switch (became) {
    case 'refused':
      return failed('downstream_refused', 'the pipeline could not be started');
    case 'started':
      return strategy ? undefined : JobSucceeded(about);
    case 'success':
      return JobSucceeded(about);
    case 'cancelled':
      return JobCancelled({ ...about, because });
    // Nothing of it had to run: manual jobs that nobody must start, or jobs for a failure that there was not.
    case 'skipped':
      return strategy === 'mirror'
        ? JobSkipped({ pipelineId: about.pipelineId, jobId: job.id, because })
        : JobSucceeded(about);
    case 'failed':
      return failed('downstream_failed', 'the pipeline failed');
    case 'timed_out':
      return failed('downstream_failed', 'the pipeline timed out');
    case 'reopened':
      return undefined;
  }
};

/** Somebody took up the other pipeline again: how it ends now is how the job ends. */
const reopenJob = (job: JobState, decision: PipelineDecision): void => {
  const { state } = decision;
  if (!job.planned.trigger!.strategy || !isSettled(job)) return;
  if (state.phase === 'running' && state.cancelling) return;
  reopen(job.id, decision);
  const { pipelineId } = state.context!;
  decision.emit(DownstreamReopened({ pipelineId, jobId: job.id, attempt: job.attempt }));
  follow(decision);
};
