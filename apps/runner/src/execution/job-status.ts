import type { Outcome } from '@foldline/contracts';

/** What `CI_JOB_STATUS` tells a shell, in GitLab's words: a job that took too long has failed. */
export type JobStatus = 'running' | 'success' | 'failed' | 'canceled';

export const statusOf = (outcome: Outcome): JobStatus => {
  if (outcome === 'success') return 'success';
  return outcome === 'cancelled' ? 'canceled' : 'failed';
};
