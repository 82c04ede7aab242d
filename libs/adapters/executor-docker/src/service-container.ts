import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import type { ServiceSpec, SiteSpec } from '@foldline/kernel';
import { serviceOptions, type Belonging } from './container-options.ts';
import { framesOf } from './frames.ts';
import type { FoundImage } from './images.ts';
import { boundsOf, fromRefusal } from './refused-container.ts';
import { removed } from './removed.ts';
import { namesFromImage } from './service-names.ts';

/** How long a job waits for its services (GitLab's `wait_for_services_timeout`). */
export const READY_MS = 30_000;
const POLL_MS = 100;
/** As much as tells why a service is not there, and not more than anybody reads. */
const LAST_LINES = 50;

type Notices = NonNullable<SiteSpec['notices']>;

/** A container beside that of a job. */
export class ServiceContainer {
  static async start(
    docker: Docker,
    spec: ServiceSpec,
    image: FoundImage,
    belonging: Belonging & { name: string },
  ): Promise<ServiceContainer> {
    const { entrypoint, user, command, environment } = spec;
    const options = serviceOptions({
      ...belonging,
      image: image.id,
      ...(entrypoint && { entrypoint }),
      ...(user !== undefined && { user }),
      ...(command && { command }),
      environment,
      aliases: [...namesFromImage(spec.image), ...spec.aliases],
    });
    let container: Docker.Container | undefined;
    try {
      container = await docker.createContainer(bodyOf(options, { platform: spec.platform, name: belonging.name }));
      await container.start();
      return new ServiceContainer(container, image, spec.aliases[0] ?? spec.image);
    } catch (error) {
      if (container) await removed(container).catch(() => undefined);
      throw fromRefusal(error, { ...spec, ...boundsOf(belonging) }, `start the service ${spec.image}`);
    }
  }

  private constructor(
    readonly container: Docker.Container,
    private readonly image: FoundImage,
    private readonly name: string,
  ) {}

  /**
   * Waits until it is of use: healthy, where its image says how to tell, or else listening on a port that its image
   * names. One that is not goes on all the same, and the job is told (as in GitLab).
   */
  async settle(notices: Notices, signal?: AbortSignal): Promise<void> {
    const deadline = performance.now() + READY_MS;
    const mayWait = (): boolean => performance.now() < deadline && !signal?.aborted;
    let lack = await this.lack();
    while (lack === 'not yet' && mayWait()) {
      await delay(POLL_MS);
      lack = await this.lack();
    }
    if (lack === undefined || signal?.aborted) return;
    const because = lack === 'not yet' ? `it was not ready within ${READY_MS / 1000} s` : lack;
    notices.warn(`the service ${this.name} may not work: ${because}`);
    for (const line of await lastLinesOf(this.container)) notices.tell(`[${this.name}] ${line}`);
  }

  /** Hands over what it writes, until it ends. */
  async follow(notices: Notices): Promise<void> {
    const stream = await this.container.logs({ follow: true, stdout: true, stderr: true });
    let rest = '';
    for await (const { payload } of framesOf(stream as unknown as AsyncIterable<Buffer>)) {
      const lines = (rest + payload.toString()).split('\n');
      rest = lines.pop()!;
      for (const line of lines) notices.tell(`[${this.name}] ${line}`);
    }
  }

  private async lack(): Promise<string | undefined> {
    const { State, NetworkSettings } = await this.container.inspect();
    if (!State.Running) return `it ended with exit code ${State.ExitCode}`;
    if (this.image.hasHealthCheck) {
      if (State.Health?.Status === 'unhealthy') return 'its health check says that it is unhealthy';
      return State.Health?.Status === 'healthy' ? undefined : 'not yet';
    }
    const { ports } = this.image;
    const address = Object.values(NetworkSettings.Networks)[0]?.IPAddress;
    if (ports.length === 0 || !address) return undefined;
    const open = await Promise.all(ports.slice(0, 20).map((port) => accepts(address, port)));
    return open.includes(true) ? undefined : 'not yet';
  }
}

/** What a container has written last. */
export const lastLinesOf = async (container: Docker.Container): Promise<string[]> => {
  const log = await container.logs({ stdout: true, stderr: true, tail: LAST_LINES });
  let text = '';
  for await (const { payload } of framesOf(only(log))) text += payload.toString();
  return text.split('\n').filter(Boolean);
};

async function* only(chunk: Buffer): AsyncGenerator<Buffer> {
  yield chunk;
}

const accepts = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 });
    const end = (isOpen: boolean) => (): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', end(true)).once('timeout', end(false)).once('error', end(false));
  });

/** The library would put all options into the address as well. */
export const bodyOf = (
  options: Docker.ContainerCreateOptions,
  query: { platform?: string | undefined; name?: string | undefined },
): Docker.ContainerCreateOptions => {
  const given = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
  return { _query: given, _body: options } as unknown as Docker.ContainerCreateOptions;
};
