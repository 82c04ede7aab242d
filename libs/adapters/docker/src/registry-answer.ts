import { detailOf, statusOf } from './daemon-answer.ts';

/**
 * The daemon says in words alone what a registry answered (Docker 20.10 to 28; integration tests ask a real one). These
 * are the only place that reads them. `no active session` is BuildKit's: the registry wants to know who asks, and nobody
 * who builds has said so.
 */
const DENIED =
  /unauthori[sz]ed|denied|forbidden|no basic auth|authentication required|insufficient_scope|no active session|\b40[13]\b/i;
const MISSING = /not found|manifest unknown|does not exist|no such image|name unknown/i;
const SILENT = /dial |no such host|connection refused|connection reset|timeout|i\/o|EOF|server gave HTTP|x509|tls:/i;
/** What the daemon says with 404 of a registry that answered with 403. */
const REFUSED = /pull access denied/;

export type PullFailureReason = 'image_access_denied' | 'image_not_found' | 'image_pull_failure';

const BY_STATUS: Readonly<Record<number, PullFailureReason>> = {
  401: 'image_access_denied',
  403: 'image_access_denied',
  404: 'image_not_found',
};

/** The registry does not let one in. */
export const isDenied = (detail: string): boolean => DENIED.test(detail);

/** No registry answers there. */
export const isUnreachable = (detail: string): boolean => SILENT.test(detail);

/** Why the daemon, which did answer, has not fetched an image. */
export const pullFailureOf = (error: unknown): PullFailureReason => {
  const detail = detailOf(error);
  if (REFUSED.test(detail)) return 'image_access_denied';
  const told = BY_STATUS[statusOf(error) ?? 0];
  if (told) return told;
  if (isDenied(detail)) return 'image_access_denied';
  return MISSING.test(detail) ? 'image_not_found' : 'image_pull_failure';
};
