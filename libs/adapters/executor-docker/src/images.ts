import type Docker from 'dockerode';
import { isImageName } from '@foldline/contracts';
import { DaemonReport, statusOf } from '@foldline/docker';
import { PermanentError, SiteUnavailable, type ContainerImage, type ImageInUse, type SiteSpec } from '@foldline/kernel';
import { fromDockerError, fromPullError } from './docker-error.ts';
import { digestIn } from './image-digest.ts';
import { accessTo, type Credentials } from './registry-access.ts';

export type Fetching = {
  docker: Docker;
  credentials: Credentials;
  notices: NonNullable<SiteSpec['notices']>;
  signal?: AbortSignal | undefined;
  /** An image that the job's pipeline has made in a daemon of its own, brought here. */
  handedOver?: ((image: string) => Promise<FoundImage | undefined>) | undefined;
  /** What was found of an image a moment ago. */
  expected?: (image: string) => Promise<FoundImage | undefined>;
};

export const NO_NOTICES: Fetching['notices'] = { tell: () => undefined, warn: () => undefined };

/** `ports` are those that it says it listens on, by TCP; `hasName` tells whether anybody finds it here by one. */
export type FoundImage = ImageInUse & {
  ports: readonly number[];
  hasHealthCheck: boolean;
  entrypoint: readonly string[];
  hasName: boolean;
};

/** An image whose name says neither which version nor which content may be another one tomorrow. */
const isMoving = (image: string): boolean => {
  const name = image.slice(image.lastIndexOf('/') + 1);
  return !image.includes('@') && (!name.includes(':') || name.endsWith(':latest'));
};

/**
 * Sees to it that the daemon has an image, as its pull policies say. Without any, one that it has is not asked for again,
 * unless its name is that of whatever is newest: then the newest is fetched, and where that fails, the one that is here
 * will do. One that the pipeline has made is here, and goes before all others of its name. Throws `SiteUnavailable`.
 */
export const ensureImage = async (asked: ContainerImage, fetching: Fetching): Promise<FoundImage> => {
  const { image } = asked;
  assertImageName(image);
  const { docker, notices, signal, handedOver = nobody, expected = nobody } = fetching;
  const isAskedFor = async (): Promise<boolean> => isMoving(image) && !(await handedOver(image));
  const policies = asked.pullPolicy ?? ((await isAskedFor()) ? ['always', 'if-not-present'] : ['if-not-present']);
  let fetched: Promise<FoundImage> | undefined;
  const fetchOnce = (): Promise<FoundImage> => (fetched ??= fetch(asked, fetching));
  let failure: unknown;
  for (const policy of policies) {
    try {
      if (policy === 'always') return await fetchOnce();
      const found = (await handedOver(image)) ?? (await expected(image)) ?? (await look(docker, image));
      if (found && failure) notices.warn(`${messageOf(failure)}; the one that is here is taken`);
      if (found) return found;
      if (policy === 'if-not-present') return await fetchOnce();
      throw new SiteUnavailable(
        'image_not_found',
        `the image ${image} is not here, and may not be fetched (\`pull_policy: never\`)`,
      );
    } catch (error) {
      if (signal?.aborted) throw error;
      failure = error;
    }
  }
  throw failure;
};

const nobody = async (): Promise<undefined> => undefined;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const fetch = async (
  { image, platform }: ContainerImage,
  { docker, credentials, notices, signal }: Fetching,
): Promise<FoundImage> => {
  const authconfig = accessTo(image, credentials);
  notices.tell(`Fetching the image ${image}`);
  try {
    const options = { ...(platform !== undefined && { platform }), ...(authconfig && { authconfig }) };
    const progress = await docker.pull(image, { ...options, abortSignal: signal });
    await followed(docker, progress);
  } catch (error) {
    signal?.throwIfAborted();
    throw fromPullError(error, image);
  }
  const found = await look(docker, image);
  if (found) return found;
  throw new SiteUnavailable('image_not_found', `the image ${image} was fetched, and is not here any more`);
};

const assertImageName = (image: string): void => {
  if (!isImageName(image)) throw new PermanentError(`${JSON.stringify(image)} is no name of an image`);
};

/** Nothing where the daemon has no such image. */
export const look = async (docker: Docker, image: string): Promise<FoundImage | undefined> => {
  assertImageName(image);
  try {
    const { Id, RepoTags, RepoDigests, Config } = await docker.getImage(image).inspect();
    const digest = digestIn(image, RepoDigests ?? []);
    const { ExposedPorts, Healthcheck, Entrypoint } = Config as {
      ExposedPorts?: Record<string, object>;
      Entrypoint?: string[] | null;
      Healthcheck?: { Test?: string[] };
    };
    return {
      image,
      id: Id,
      ...(digest !== undefined && { digest }),
      ports: Object.keys(ExposedPorts ?? {}).flatMap((port) =>
        port.endsWith('/tcp') ? [Number.parseInt(port, 10)] : [],
      ),
      entrypoint: Entrypoint ?? [],
      hasName: (RepoTags ?? []).length + (RepoDigests ?? []).length > 0,
      hasHealthCheck: (Healthcheck?.Test ?? ['NONE'])[0] !== 'NONE',
    };
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw fromDockerError(error, `look for the image ${image}`);
  }
};

/** Resolves with what the daemon has told. */
export const followed = (docker: Docker, progress: NodeJS.ReadableStream): Promise<{ stream?: string }[]> =>
  new Promise((resolve, reject) =>
    docker.modem.followProgress(progress, (error, told) =>
      error ? reject(new DaemonReport(error.message, { cause: error })) : resolve(told as { stream?: string }[]),
    ),
  );
