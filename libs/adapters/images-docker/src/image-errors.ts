import { detailOf, isDenied, isSilent, isUnreachable, pullFailureOf } from '@foldline/docker';
import { ImageFailure, type ImageFailureReason } from '@foldline/kernel';

export const fromDaemon = (error: unknown, what: string): ImageFailure => {
  if (error instanceof ImageFailure) return error;
  const reason = isSilent(error) ? 'docker_unavailable' : 'image_build_failure';
  return new ImageFailure(reason, `Docker could not ${what}: ${detailOf(error)}`, { cause: error });
};

export const fromPull = (error: unknown, image: string): ImageFailure => {
  if (error instanceof ImageFailure) return error;
  if (isSilent(error)) return fromDaemon(error, `fetch ${image}`);
  const detail = `the image ${image} could not be fetched: ${detailOf(error)}`;
  return new ImageFailure(pullFailureOf(error), detail, { cause: error });
};

export const fromPush = (error: unknown, image: string): ImageFailure => {
  if (error instanceof ImageFailure) return error;
  if (isSilent(error)) return fromDaemon(error, `push ${image}`);
  const detail = detailOf(error);
  return new ImageFailure(pushFailureOf(detail), `${image} could not be pushed: ${detail}`, { cause: error });
};

const pushFailureOf = (detail: string): ImageFailureReason => {
  if (isDenied(detail)) return 'image_push_denied';
  return isUnreachable(detail) ? 'registry_unreachable' : 'image_push_failure';
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
  return new ImageFailure(pullFailureOf(error), `the base image ${image} could not be fetched: ${detail}`, {
    cause: error,
  });
};
