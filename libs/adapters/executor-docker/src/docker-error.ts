import { detailOf, isSilent, pullFailureOf, statusOf, type PullFailureReason } from '@foldline/docker';
import { PermanentError, SiteUnavailable, TransientError } from '@foldline/kernel';

/** What the daemon refuses for good is permanent; what it could not do, or that it did not answer, may pass. */
export const fromDockerError = (error: unknown, what: string): Error => {
  if ([TransientError, PermanentError, SiteUnavailable].some((known) => error instanceof known)) return error as Error;
  const message = `Docker could not ${what}: ${detailOf(error)}`;
  const status = statusOf(error);
  if (status === undefined) return new SiteUnavailable('docker_unavailable', message, { cause: error });
  const isRefused = status >= 400 && status < 500 && status !== 409;
  return isRefused ? new PermanentError(message, { cause: error }) : new TransientError(message, { cause: error });
};

const SAID: Readonly<Record<PullFailureReason, string>> = {
  image_not_found: 'is not there, or not for this runner to read',
  image_access_denied: 'may not be read',
  image_pull_failure: 'could not be fetched',
};

/** Of an image that was asked for in its registry. */
export const fromPullError = (error: unknown, image: string): Error => {
  if (isSilent(error)) return fromDockerError(error, `fetch the image ${image}`);
  const reason = pullFailureOf(error);
  return new SiteUnavailable(reason, `the image ${image} ${SAID[reason]}: ${detailOf(error)}`, { cause: error });
};
