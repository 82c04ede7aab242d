import { ImageFailure, type ImageFailureReason } from '@foldline/kernel';

/** The status with which the daemon answered; nothing where it did not answer. */
export const statusOf = (error: unknown): number | undefined => {
  const status = (error as { statusCode?: unknown } | undefined)?.statusCode;
  return typeof status === 'number' ? status : undefined;
};

const detailOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What the daemon tells of its own work, after it has answered. */
export class DaemonReport extends Error {
  override readonly name = 'DaemonReport';
}

type Words = readonly (readonly [RegExp, ImageFailureReason])[];

/**
 * The daemon says in words alone what a registry answered (Docker 20.10 to 28; `docker-images.int.spec.ts` asks a real
 * one). This table is the only place that reads them. The first that fits counts.
 */
const DENIED = /unauthori[sz]ed|denied|forbidden|no basic auth|authentication required|insufficient_scope|\b40[13]\b/i;
const MISSING = /not found|manifest unknown|does not exist|no such image|name unknown/i;
const SILENT = /dial |no such host|connection refused|connection reset|timeout|i\/o|EOF|server gave HTTP|x509|tls:/i;

const OF_PULL: Words = [
  [DENIED, 'image_access_denied'],
  [MISSING, 'image_not_found'],
];
const OF_PUSH: Words = [
  [DENIED, 'image_push_denied'],
  [SILENT, 'registry_unreachable'],
];
const reasonIn = (words: Words, text: string, otherwise: ImageFailureReason): ImageFailureReason =>
  words.find(([pattern]) => pattern.test(text))?.[1] ?? otherwise;

/** What the daemon says with 404 of a registry that answered with 403. */
const REFUSED = /pull access denied/;
const PULL_STATUS: Readonly<Record<number, ImageFailureReason>> = {
  401: 'image_access_denied',
  403: 'image_access_denied',
  404: 'image_not_found',
};

/** A daemon that neither answered nor reported is not there. */
const isSilent = (error: unknown): boolean => statusOf(error) === undefined && !(error instanceof DaemonReport);

export const fromDaemon = (error: unknown, what: string): ImageFailure => {
  if (error instanceof ImageFailure) return error;
  const reason = isSilent(error) ? 'docker_unavailable' : 'image_build_failure';
  return new ImageFailure(reason, `Docker could not ${what}: ${detailOf(error)}`, { cause: error });
};

export const fromPull = (error: unknown, image: string): ImageFailure => {
  if (error instanceof ImageFailure) return error;
  if (isSilent(error)) return fromDaemon(error, `fetch ${image}`);
  const detail = detailOf(error);
  const told = REFUSED.test(detail) ? 'image_access_denied' : PULL_STATUS[statusOf(error) ?? 0];
  const reason = told ?? reasonIn(OF_PULL, detail, 'image_pull_failure');
  return new ImageFailure(reason, `the image ${image} could not be fetched: ${detail}`, { cause: error });
};

export const fromPush = (error: unknown, image: string): ImageFailure => {
  if (error instanceof ImageFailure) return error;
  if (isSilent(error)) return fromDaemon(error, `push ${image}`);
  const detail = detailOf(error);
  const reason = reasonIn(OF_PUSH, detail, 'image_push_failure');
  return new ImageFailure(reason, `${image} could not be pushed: ${detail}`, { cause: error });
};

/** What a step is called that asks a registry for the image that the Dockerfile builds upon. */
const OF_BASE = /^\[internal\] load metadata for |^\[(?:[^\]]+ )?\d+\/\d+\] FROM /;

/** `failed`: the steps of the build that failed. */
export const fromBuild = (error: unknown, failed: readonly string[]): ImageFailure => {
  if (error instanceof ImageFailure) return error;
  if (isSilent(error)) return fromDaemon(error, 'build the image');
  const detail = detailOf(error);
  const base = failed.find((name) => OF_BASE.test(name));
  if (base === undefined)
    return new ImageFailure('image_build_failure', `the image could not be built: ${detail}`, { cause: error });
  const image = base.replace(OF_BASE, '');
  const reason = reasonIn(OF_PULL, detail, 'image_pull_failure');
  return new ImageFailure(reason, `the base image ${image} could not be fetched: ${detail}`, { cause: error });
};
