import { DaemonReport, detailOf, statusOf } from '@foldline/docker';
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

/** Of an image that was asked for in its registry (Docker Engine API, "Create an image": 404, 401 and 403, 500). */
export const fromPullError = (error: unknown, image: string): Error => {
  const status = statusOf(error);
  const unavailable = (reason: SiteUnavailable['reason'], what: string): SiteUnavailable =>
    new SiteUnavailable(reason, `the image ${image} ${what}: ${detailOf(error)}`, { cause: error });
  if (status === 404) return unavailable('image_not_found', 'is not there, or not for this runner to read');
  if (status === 401 || status === 403) return unavailable('image_access_denied', 'may not be read');
  if (status === undefined && !(error instanceof DaemonReport))
    return fromDockerError(error, `fetch the image ${image}`);
  return unavailable('image_pull_failure', 'could not be fetched');
};
