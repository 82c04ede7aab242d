import {
  type FailureReason,
  JobCancelled,
  JobFailed,
  JobFinishing,
  JobQueued,
  JobRetried,
  JobSucceeded,
  type Resume,
} from '@foldline/contracts';
import type { Decision } from '@foldline/kernel';
import { cancelAfterFailure } from './auto-cancel.ts';
import { follow } from './follow.ts';
import type { AttemptNews } from './pipeline.decider.ts';
import type { PipelineEvent, RetriedBy } from './pipeline.evolve.ts';
import { currentAttempt, isActive, type JobState, type PipelineState } from './pipeline.state.ts';

/** Attempts that a lost runner costs a job before it counts as failed; they never use up the user's retries (C03). */
const LOST_RUNNER_BUDGET = 2;

type PipelineDecision = Decision<PipelineState, PipelineEvent>;

/** An attempt has ended. The job is done when what it uploaded is visible; until then it is `finishing`. */
export const finishAttempt = (news: AttemptNews, decision: PipelineDecision): void => {
  const job = currentAttempt(decision.state, news.jobId, news.attempt);
  if (job?.status !== 'assigned') return;
  const awaiting = news.commits.filter((id) => !job.commits.has(id));
  if (awaiting.length === 0) return conclude(job, news, decision);
  const { outcome, reason, detail, exitCode, coverage, environmentUrl } = news;
  decision.emit(
    JobFinishing({
      ...about(decision.state, job),
      outcome,
      ...(reason ? { reason } : {}),
      ...(detail ? { detail } : {}),
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(coverage === undefined ? {} : { coverage }),
      ...(environmentUrl === undefined ? {} : { environmentUrl }),
      awaiting: news.commits,
    }),
  );
};

export const finishWhenCommitted = (job: JobState, decision: PipelineDecision): void => {
  if (!isActive(job) || !job.finishing || job.finishing.awaiting.some((id) => !job.commits.has(id))) return;
  conclude(job, { ...job.finishing, jobId: job.id, attempt: job.attempt, commits: job.finishing.awaiting }, decision);
};

/** The attempt was never started, so nothing of it has happened: whatever the job is, it is queued again for nothing. */
export const returnJob = (
  { jobId, attempt, detail }: { jobId: string; attempt: number; detail: string },
  decision: PipelineDecision,
): void => {
  const { state } = decision;
  const job = currentAttempt(state, jobId, attempt);
  if (job?.status !== 'assigned') return;
  if (state.cancelling || job.stopReason === 'cancelled') decision.emit(cancelled(state, job));
  else again(job, 'not_started', detail, decision);
  follow(decision);
};

const about = (state: PipelineState, job: JobState) => ({
  pipelineId: state.context!.pipelineId,
  jobId: job.id,
  attempt: job.attempt,
});

const cancelled = (state: PipelineState, job: JobState): PipelineEvent =>
  JobCancelled({ ...about(state, job), ...(job.stopBecause ? { because: job.stopBecause } : {}) });

const conclude = (job: JobState, result: AttemptNews, decision: PipelineDecision): void => {
  const { state } = decision;
  const refused = result.commits.some((id) => job.commits.get(id) === false);
  const preempted = job.stopReason === 'preempted' && !state.cancelling;
  const stopped = job.stopReason === 'cancelled' || (state.cancelling && job.stopReason !== undefined);
  if (result.outcome === 'success' && !refused) {
    const { exitCode, coverage, environmentUrl } = result;
    decision.emit(
      JobSucceeded({
        ...about(state, job),
        ...(exitCode === undefined ? {} : { exitCode }),
        ...(coverage === undefined ? {} : { coverage }),
        ...(environmentUrl === undefined ? {} : { environmentUrl }),
      }),
    );
  } else if (result.outcome === 'cancelled' && preempted) {
    again(job, 'preempted', 'a job of higher priority took its place', decision);
  } else if (result.outcome === 'cancelled' || stopped) {
    decision.emit(cancelled(state, job));
  } else {
    fail(job, { ...result, reason: reasonOf(result) }, decision);
  }
  follow(decision);
};

/** An attempt that went well and still failed had an artifact refused. */
const reasonOf = ({ outcome, reason }: AttemptNews): FailureReason => {
  if (outcome === 'success') return 'artifact_upload_failure';
  if (outcome === 'lost') return 'runner_lost';
  if (outcome === 'timed_out') return 'job_timeout';
  return reason ?? 'script_failure';
};

type Failure = AttemptNews & { reason: FailureReason };

const fail = (job: JobState, result: Failure, decision: PipelineDecision): void => {
  const allowed = job.planned.allowFailure || endedWith(job.planned.allowFailureExitCodes, result);
  const by = decision.state.cancelling ? undefined : retryBy(job, result);
  decision.emit(
    JobFailed({
      ...about(decision.state, job),
      reason: result.reason,
      ...(result.detail ? { detail: result.detail } : {}),
      ...(result.exitCode === undefined ? {} : { exitCode: result.exitCode }),
      allowed,
      final: !by,
    }),
  );
  if (by) again(job, by, `the attempt ended with ${result.reason}`, decision);
  else if (!allowed) cancelAfterFailure(job, decision);
};

/** Whether the script ended by itself, with one of these exit codes. */
const endedWith = (codes: readonly number[] | undefined, { reason, exitCode }: Failure): boolean =>
  codes !== undefined && OF_SCRIPTS.has(reason) && exitCode !== undefined && codes.includes(exitCode);

/** A script that ran out of memory has failed, too; so GitLab has it, which does not tell it apart. */
const OF_SCRIPTS: ReadonlySet<FailureReason> = new Set(['script_failure', 'out_of_memory']);

/** A deployment whose runner is lost may have happened; only a person knows whether to repeat it. */
const retryBy = (job: JobState, failure: Failure): 'policy' | 'runner_lost' | undefined => {
  const { reason } = failure;
  if (reason === 'runner_lost') {
    if (job.planned.environment) return undefined;
    if (job.retries.lost < LOST_RUNNER_BUDGET) return 'runner_lost';
  }
  const { max, when, exitCodes } = job.planned.retry;
  if (job.retries.policy >= max) return undefined;
  const isMeant =
    when.includes('always') || when.includes(reason) || (OF_SCRIPTS.has(reason) && when.includes('script_failure'));
  return isMeant || endedWith(exitCodes, failure) ? 'policy' : undefined;
};

const again = (job: JobState, by: Exclude<RetriedBy, 'user'>, detail: string, decision: PipelineDecision): void => {
  const next = { ...about(decision.state, job), attempt: job.attempt + 1 };
  const resume = by === 'not_started' ? job.resume : resumeOf(job);
  decision.emit(JobRetried({ ...next, by, ...(resume && { resume }) }));
  decision.emit(
    JobQueued({ ...next, priority: job.planned.priority, because: { rule: `retry: ${by}`, detail, jobs: [] } }),
  );
};

/** Of several commands those that went well need not be carried out again (S1-27, C13). */
const resumeOf = ({ planned }: JobState): Resume | undefined =>
  planned.steps.filter(({ kind }) => kind === 'run').length > 1 ? {} : undefined;
