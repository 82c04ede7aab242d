import {
  SUBMITTED_WORKSPACE,
  type Plan,
  type RetryReason,
  type RunStep,
  type SubmittedJob,
  type SubmittedStep,
} from '@foldline/contracts';
import { lockfileCaches, lockfileVariables } from './lockfile-caches.ts';

/** What another attempt may make good; a job that ran out of its time would do so again. */
const RETRIED: RetryReason[] = [
  'script_failure',
  'out_of_memory',
  'out_of_disk',
  'runner_system_failure',
  'artifact_upload_failure',
  'artifact_download_failure',
  'image_pull_failure',
  'docker_unavailable',
];
/** Where the seed's repository is named in a text that lists paths. */
const WORKSPACE = new RegExp(`(^|[\\s:;=,"'])${SUBMITTED_WORKSPACE}(?=$|[/\\s:;,"'])`, 'g');

/**
 * The plan of a job that was submitted by itself (seed 001): one job with its commands as steps. What a definition would
 * say has no part in it. `detected` are the lockfiles of the repository, for a job that names none.
 */
export const submissionPlan = (submitted: SubmittedJob, detected: readonly string[]): Plan => {
  const { id, image, env, steps, cacheKeys = detected, retries, timeout, priority, interruptible = false } = submitted;
  return {
    version: 1,
    file: 'submission',
    stages: ['job'],
    name: id,
    variables: {},
    jobs: [
      {
        index: 0,
        name: id,
        definition: id,
        stage: 'job',
        waitsFor: 'stages',
        artifactsFrom: 'earlier-stages',
        when: 'on_success',
        allowFailure: false,
        runner: image === undefined ? {} : { executor: 'docker' },
        ...(image !== undefined && { image }),
        services: [],
        variables: { ...lockfileVariables(cacheKeys), ...valuesOf(env) },
        secrets: {},
        steps: steps.map(stepOf),
        cache: cacheKeys.flatMap((lockfile) => lockfileCaches(lockfile)),
        retry: { max: retries, when: RETRIED },
        timeoutSeconds: timeout,
        interruptible,
        priority,
      },
    ],
    warnings: [],
    decisions: [{ definition: id, created: true, rule: 'submitted', because: `the job ${id} was submitted` }],
  };
};

const stepOf = ({ name, run, workingDir, env = {}, continueOnError, resumable, timeout }: SubmittedStep): RunStep => {
  const directory = workingDir === undefined ? undefined : valueOf(workingDir);
  return {
    name,
    kind: 'run',
    command: run,
    ...(directory !== undefined && { directory }),
    environment: valuesOf(env),
    ...(continueOnError && { continueOnError }),
    ...(resumable === false && { resumable }),
    ...(timeout !== undefined && { timeoutSeconds: timeout }),
  };
};

/** A value as it was given, in which no dollar stands for a variable, and the seed's repository is the job's workspace. */
const valueOf = (value: string): string =>
  value.replaceAll('$', '$$$$').replace(WORKSPACE, (_all, before: string) => `${before}$CI_PROJECT_DIR`);

const valuesOf = (values: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, valueOf(value)]));
