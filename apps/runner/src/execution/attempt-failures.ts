import type { FailureReason } from '@foldline/contracts';
import { ImageFailure, Refusal, SiteUnavailable } from '@foldline/kernel';
import { StorageUnavailable } from '../storage/patience.ts';
import type { JobResult } from './job-endings.ts';

const REASONS: Readonly<Record<string, FailureReason>> = {
  secret_not_found: 'config_error',
  variable_too_large: 'config_error',
  variable_invalid: 'config_error',
  image_invalid: 'config_error',
  invalid_pattern: 'config_error',
  pattern_too_long: 'config_error',
  tree_too_large: 'artifact_upload_failure',
};

/** A success that nobody can read up on is none; another outcome stays what it was. */
export const withoutLog = (result: JobResult, error: unknown): JobResult =>
  result.outcome === 'success' ? { ...result, ...failureOf(error) } : result;

/** How an attempt ends by an error. */
export const failureOf = (error: unknown): JobResult => {
  const detail = error instanceof Error ? error.message : String(error);
  if (error instanceof SiteUnavailable || error instanceof ImageFailure)
    return { outcome: 'failed', reason: error.reason, detail };
  if (error instanceof StorageUnavailable) return { outcome: 'failed', reason: 'artifact_upload_failure', detail };
  const reason = error instanceof Refusal ? (REASONS[error.code] ?? 'runner_system_failure') : 'runner_system_failure';
  return { outcome: 'failed', reason, detail };
};
