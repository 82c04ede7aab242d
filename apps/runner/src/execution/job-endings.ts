import type { FailureReason, Outcome, PlannedStep } from '@foldline/contracts';
import type { JobScene } from './job-scene.ts';
import type { StatusWord } from './predefined.ts';
import type { StopReason } from './stop-reason.ts';

export type JobResult = {
  outcome: Outcome;
  reason?: FailureReason;
  detail?: string;
  exitCode?: number;
  coverage?: number;
  environmentUrl?: string;
};

/** How a job ends that was stopped. */
export const stoppedBy = (reason: StopReason | undefined, { assignment }: JobScene): JobResult => {
  if (reason === 'timed_out') {
    const detail = `it ran longer than its timeout of ${assignment.job.timeoutSeconds} s`;
    return { outcome: 'timed_out', reason: 'job_timeout', detail };
  }
  if (reason === 'shutdown') return { outcome: 'lost', reason: 'runner_lost', detail: 'the runner was shut down' };
  if (reason === 'lease_lost')
    return { outcome: 'lost', reason: 'runner_lost', detail: 'the runner lost its lease and stopped it' };
  return { outcome: 'cancelled', reason: 'cancelled' };
};

/** Why a job cannot run here at all; nothing when it can. */
export const refusalOf = ({ assignment, warn }: JobScene): JobResult | undefined => {
  const { image, services, plannedOnly = [] } = assignment.job;
  const missing = plannedOnly.find(({ stops }) => stops);
  if (missing) {
    const detail = `this job asks for \`${missing.keyword}\`, which is planned only: ${missing.why}`;
    warn(detail);
    return { outcome: 'failed', reason: 'config_error', detail };
  }
  if (!image && services.length === 0) return undefined;
  const asked = image ? `the image ${image}` : `the services ${services.join(', ')}`;
  const detail = `this job asks for ${asked} and needs Docker; this runner runs jobs as processes of its host`;
  warn(detail);
  return { outcome: 'failed', reason: 'needs_docker', detail };
};

/** `script`, and `after_script` if there is one. */
export const stepsOf = ({ assignment }: JobScene): [PlannedStep | undefined, PlannedStep | undefined] => [
  assignment.job.steps.find(({ name }) => name === 'script'),
  assignment.job.steps.find(({ name }) => name === 'after_script'),
];

/** What `after_script` is told of the script. */
export const statusOf = ({ outcome }: JobResult): StatusWord => {
  if (outcome === 'success') return 'success';
  return outcome === 'cancelled' ? 'canceled' : 'failed';
};
