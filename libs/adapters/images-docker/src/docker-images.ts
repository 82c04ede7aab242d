import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { isImageName } from '@foldline/contracts';
import { statusOf } from '@foldline/docker';
import {
  ImageFailure,
  registryOf,
  type ImageBuildSpec,
  type Images,
  type ImageWork,
  type KnownImage,
  type RegistryLogins,
} from '@foldline/kernel';
import { packContext } from './build-context.ts';
import { BuildLog } from './build-log.ts';
import { readStatus } from './build-status.ts';
import { fromBuild, fromDaemon, fromPull, fromPush } from './image-errors.ts';
import { messagesOf } from './messages.ts';
import { splitReference } from './references.ts';
import { openSession } from './registry-session.ts';

const BUILDKIT = 2;
const TRACE = 'moby.buildkit.trace';
const IMAGE_ID = 'moby.image.id';

/** Images of the Docker daemon of this host, built by its BuildKit. `docker` is asked for when the first one is needed. */
export const createDockerImages = (docker: () => Promise<Docker>): Images => new DockerImages(docker);

class DockerImages implements Images {
  constructor(private readonly docker: () => Promise<Docker>) {}

  async build(spec: ImageBuildSpec, work: ImageWork): Promise<{ imageId: string }> {
    const { signal, onOutput, onProgress } = work;
    const log = new BuildLog();
    let imageId: string | undefined;
    try {
      for await (const message of await this.building(spec, signal)) {
        if (message.id === IMAGE_ID) imageId = (message.aux as { ID: string }).ID;
        if (message.id !== TRACE) continue;
        const text = log.take(readStatus(Buffer.from(String(message.aux), 'base64')));
        if (text !== '') await onOutput(Buffer.from(text));
        onProgress?.(log.percent);
      }
    } catch (error) {
      signal.throwIfAborted();
      throw fromBuild(error, log.failed);
    }
    signal.throwIfAborted();
    if (imageId !== undefined) return { imageId };
    throw new ImageFailure('docker_unavailable', 'the Docker daemon ended the build without a word');
  }

  async push(reference: string, logins: RegistryLogins, work: ImageWork): Promise<{ digest: string }> {
    const { repository, tag } = splitReference(reference);
    let digest: string | undefined;
    try {
      const docker = await this.docker();
      const options = { tag, ...authOf(reference, logins), abortSignal: work.signal };
      const stream = await docker.getImage(repository).push(options);
      digest = await told(stream, work, (message) => (message.aux as { Digest?: string } | undefined)?.Digest);
    } catch (error) {
      work.signal.throwIfAborted();
      throw fromPush(error, reference);
    }
    if (digest !== undefined) return { digest };
    throw new ImageFailure('image_push_failure', `the registry did not say what ${reference} is now`);
  }

  async pull(reference: string, logins: RegistryLogins, work: ImageWork): Promise<KnownImage> {
    try {
      const docker = await this.docker();
      const options = { ...authOf(reference, logins), abortSignal: work.signal };
      await told((await docker.pull(reference, options)) as Readable, work, () => undefined);
    } catch (error) {
      work.signal.throwIfAborted();
      throw fromPull(error, reference);
    }
    const found = await this.find(reference);
    if (found) return found;
    throw new ImageFailure('image_not_found', `the image ${reference} was fetched, and is not there`);
  }

  async tag(source: string, target: string): Promise<void> {
    const { repository: repo, tag } = splitReference(target);
    try {
      await (await this.docker()).getImage(source).tag({ repo, tag });
    } catch (error) {
      throw fromDaemon(error, `call ${source} ${target}`);
    }
  }

  async find(reference: string): Promise<KnownImage | undefined> {
    if (!isImageName(reference)) throw new ImageFailure('image_not_found', `${reference} is no name of an image`);
    try {
      const { Id, RepoDigests } = await (await this.docker()).getImage(reference).inspect();
      return { id: Id, digests: (RepoDigests as string[] | null) ?? [] };
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw fromDaemon(error, `look for the image ${reference}`);
    }
  }

  private async *building(spec: ImageBuildSpec, signal: AbortSignal): AsyncGenerator<Record<string, unknown>> {
    const docker = await this.docker();
    const session = await openSession(docker, spec.logins);
    try {
      const context = await packContext(spec.context, spec.dockerfile);
      const stream = await docker.buildImage(context, {
        // A number: dockerode would open a session of its own, which tells every registry the same password.
        version: BUILDKIT as unknown as '2',
        session: session.id,
        dockerfile: spec.dockerfile,
        t: spec.tags as unknown as string,
        platform: spec.platform,
        buildargs: { BUILDKIT_INLINE_CACHE: '1', ...spec.args },
        cachefrom: [...spec.cacheFrom] as unknown as string,
        // What the daemon calls its own network; a daemon without a bridge has none.
        ...(spec.network === 'none' && { networkmode: 'none' }),
        abortSignal: signal,
      } as unknown as Docker.ImageBuildOptions);
      yield* messagesOf(stream as Readable);
    } finally {
      session.close();
    }
  }
}

const authOf = (reference: string, logins: RegistryLogins): { authconfig?: Docker.AuthConfig } => {
  const registry = registryOf(reference);
  const login = logins.get(registry);
  return login ? { authconfig: { ...login, serveraddress: registry } } : {};
};

/** Hands on what the daemon tells of layers, each state once, and answers with the first thing that is found. */
const told = async <Found>(
  stream: NodeJS.ReadableStream,
  { onOutput, signal }: ImageWork,
  find: (message: Record<string, unknown>) => Found | undefined,
): Promise<Found | undefined> => {
  let found: Found | undefined;
  const last = new Map<string, string>();
  for await (const message of messagesOf(stream as Readable)) {
    found ??= find(message);
    const { id = '', status } = message as { id?: string; status?: string };
    if (status === undefined || last.get(id) === status) continue;
    last.set(id, status);
    await onOutput(Buffer.from(`${id === '' ? '' : `${id}: `}${status}\n`));
  }
  signal.throwIfAborted();
  return found;
};
