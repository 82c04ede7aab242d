import type Docker from 'dockerode';
import { PullFailure, fromDockerError, fromPullError, statusOf } from './docker-error.ts';

/** An image whose name says neither which version nor which content may be another one tomorrow. */
const isMoving = (image: string): boolean => {
  const name = image.slice(image.lastIndexOf('/') + 1);
  return !image.includes('@') && (!name.includes(':') || name.endsWith(':latest'));
};

/**
 * Sees to it that the daemon has an image: one that it has is not asked for again, unless its name is that of whatever is
 * newest (as in Kubernetes). Throws `SiteUnavailable`.
 */
export const ensureImage = async (docker: Docker, image: string, signal?: AbortSignal): Promise<void> => {
  if (!isMoving(image) && (await isThere(docker, image))) return;
  try {
    const progress = await docker.pull(image, { abortSignal: signal });
    await followed(docker, progress);
  } catch (error) {
    signal?.throwIfAborted();
    throw fromPullError(error, image);
  }
};

const isThere = async (docker: Docker, image: string): Promise<boolean> => {
  try {
    await docker.getImage(image).inspect();
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw fromDockerError(error, `look for the image ${image}`);
  }
};

const followed = (docker: Docker, progress: NodeJS.ReadableStream): Promise<void> =>
  new Promise((resolve, reject) =>
    docker.modem.followProgress(progress, (error) =>
      error ? reject(new PullFailure(error.message, { cause: error })) : resolve(),
    ),
  );
