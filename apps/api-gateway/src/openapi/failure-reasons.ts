import type { FailureReason } from '@foldline/contracts';

/** What a job's `reason` means and what to do about it. */
export const FAILURE_REASONS: Readonly<Record<FailureReason, { title: string; fix: string }>> = {
  script_failure: {
    title: 'A command of the job ended with an exit code other than 0',
    fix: 'Read the end of the job\u2019s log.',
  },
  out_of_memory: {
    title: 'A process of the job was ended for taking more memory than the job may, and the job failed',
    fix: 'Ask for more with resources: memory, or make the job take less.',
  },
  out_of_disk: {
    title: 'The job used more of the disk than it may',
    fix: 'Ask for more with resources: disk, or make the job write less.',
  },
  job_timeout: { title: 'The job ran longer than its timeout', fix: 'Raise timeout, or make the job do less.' },
  runner_lost: {
    title: 'The runner was not heard of any more while the job ran',
    fix: 'Look at the runner; the job may be retried, also by itself with retry.',
  },
  runner_system_failure: {
    title: 'The runner could not prepare, run or clean up the job',
    fix: 'The job\u2019s detail and the server\u2019s log tell more; retry when the cause is mended.',
  },
  artifact_upload_failure: {
    title: 'The artifacts of the job could not be stored',
    fix: 'The job\u2019s detail tells why: their size, their paths or the store. Mend that and retry.',
  },
  artifact_download_failure: {
    title: 'The artifacts or caches that the job needs could not be read',
    fix: 'The store did not answer for half an hour. Retry the job when it does.',
  },
  missing_artifact: {
    title: 'An artifact that the job needs is not there any more',
    fix: 'Retry the job that makes it, then this one.',
  },
  invalid_dotenv: {
    title: 'The variables that the job hands on cannot be read',
    fix: 'Write one NAME=value on each line of the file under artifacts: reports: dotenv.',
  },
  config_error: {
    title: 'The job cannot run as it is defined',
    fix: 'The job\u2019s detail tells what in the definition to change.',
  },
  needs_docker: {
    title: 'The job needs a container, and its runner has no Docker',
    fix: 'Start Docker on the runner\u2019s host, or remove image and services.',
  },
  image_not_found: {
    title: 'There is no image of the name that the job asks for',
    fix: 'Correct the name or the tag under image; where the registry hides what it does not let read, ask for access.',
  },
  image_access_denied: {
    title: 'The registry does not let the runner read the image',
    fix: 'Put credentials that may into the variable DOCKER_AUTH_CONFIG, or take another image.',
  },
  image_pull_failure: {
    title: 'The image could not be fetched from its registry',
    fix: 'The job\u2019s detail tells why; retry when the registry answers.',
  },
  image_unusable: {
    title: 'The image cannot run the commands of a job',
    fix: 'The job\u2019s detail tells why. It needs a shell, and an entrypoint that runs what it is given.',
  },
  docker_not_allowed: {
    title: 'The job asks for a Docker daemon, and its runner gives jobs none',
    fix: 'Build the image by the build API, or ask for a runner with FOLDLINE_DOCKER_IN_JOBS=isolated.',
  },
  docker_unavailable: {
    title: 'The Docker daemon of the runner did not answer, or could not start a container',
    fix: 'Look at the daemon on the runner\u2019s host; retry when it answers.',
  },
  dockerfile_missing: {
    title: 'The Dockerfile of the build is not in the commit',
    fix: 'Correct dockerfile and context_path, or commit the file; the first is relative to the second.',
  },
  image_build_failure: {
    title: 'The image could not be built',
    fix: 'Read the end of the build\u2019s log: a command of the Dockerfile failed, or it cannot be read.',
  },
  image_push_denied: {
    title: 'The registry does not let the image be pushed',
    fix: 'Correct the login of the registry in the project\u2019s variable DOCKER_AUTH_CONFIG.',
  },
  image_push_failure: {
    title: 'The registry did not take the image',
    fix: 'The job\u2019s detail tells what it answered; retry when the cause is mended.',
  },
  registry_unreachable: {
    title: 'The registry that the image is pushed to does not answer',
    fix: 'Correct the name of the registry, or look at it; retry when it answers.',
  },
  downstream_refused: {
    title: 'The pipeline that the job starts could not be started',
    fix: 'The job\u2019s detail tells why: its project, its branch or its definition. Mend that and retry.',
  },
  downstream_failed: {
    title: 'The pipeline that the job has started did not succeed',
    fix: 'Look at that pipeline; when one of its jobs is retried there and it succeeds, so does this job.',
  },
  cancelled: { title: 'The job was cancelled', fix: 'Retry it if it should run after all.' },
  preempted: {
    title: 'The job gave its place to a more urgent one',
    fix: 'It runs again by itself; with interruptible: false it keeps its place.',
  },
};
