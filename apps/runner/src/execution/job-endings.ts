import type { BuildImageStep, FailureReason, Outcome, ScriptStep } from '@foldline/contracts';
import type { ResourceUsage } from '@foldline/kernel';
import type { JobScene } from './job-scene.ts';
import type { NumberedStep } from './run-steps.ts';
import type { StatusWord } from './predefined.ts';
import type { StopReason } from './stop-reason.ts';

export type JobResult = {
  outcome: Outcome;
  reason?: FailureReason;
  detail?: string;
  exitCode?: number;
  coverage?: number;
  environmentUrl?: string;
  usage?: ResourceUsage;
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
export const refusalOf = ({ assignment, container, warn }: JobScene): JobResult | undefined => {
  const { image, services, plannedOnly = [] } = assignment.job;
  const missing = plannedOnly.find(({ stops }) => stops);
  const refused = (reason: FailureReason, detail: string): JobResult => {
    warn(detail);
    return { outcome: 'failed', reason, detail };
  };
  if (missing)
    return refused('config_error', `this job asks for \`${missing.keyword}\`, which is planned only: ${missing.why}`);
  if (services.length > 0 && image === undefined)
    return refused('config_error', 'this job has services and no `image`: their names are known to containers alone');
  if (image === undefined || container) return undefined;
  return refused(
    'needs_docker',
    `this job asks for the image ${image} and needs Docker; this runner runs jobs as processes of its host`,
  );
};

/** `environment` wins over the variables of the job. */
export type ShellStep = { name: string; commands: string[]; environment?: Readonly<Record<string, string>> };
export type StepResult = {
  outcome: 'success' | 'failed' | 'skipped' | 'timed_out' | 'cancelled';
  exitCode?: number;
  outOfMemory?: true;
  outOfDisk?: true;
  detail?: string;
};

/** What the job is there for, as far as it has it. */
export type JobParts = { [Step in 'hook' | 'script' | 'after']?: ShellStep } & {
  image?: BuildImageStep;
  commands: NumberedStep[];
};

export const stepsOf = ({ assignment }: JobScene): JobParts => {
  const { hooks, steps } = assignment.job;
  const shell = (wanted: ScriptStep['name']) =>
    steps.find((step): step is ScriptStep => step.kind === 'shell' && step.name === wanted);
  const image = steps.find((step) => step.kind === 'build-image');
  return {
    ...(hooks && { hook: { name: 'pre_get_sources_script', commands: hooks.preGetSources } }),
    script: shell('script'),
    after: shell('after_script'),
    commands: steps.flatMap((step, at) => (step.kind === 'run' ? [{ ...step, at }] : [])),
    ...(image && { image }),
  };
};

/** How a job ends by a script that nobody has stopped. */
export const endedBy = (result: StepResult): JobResult => {
  const { outcome, exitCode, detail } = result;
  if (outcome === 'success') return { outcome, exitCode: 0 };
  return {
    outcome: 'failed',
    reason: reasonOf(result),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(detail ? { detail } : {}),
  };
};

const reasonOf = ({ outOfMemory, outOfDisk }: StepResult): FailureReason => {
  if (outOfDisk) return 'out_of_disk';
  return outOfMemory ? 'out_of_memory' : 'script_failure';
};

/** What `after_script` is told of the script. */
export const statusOf = ({ outcome }: JobResult): StatusWord => {
  if (outcome === 'success') return 'success';
  return outcome === 'cancelled' ? 'canceled' : 'failed';
};
