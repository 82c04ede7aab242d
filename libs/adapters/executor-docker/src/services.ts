import type Docker from 'dockerode';
import type { ContainerSpec, SiteSpec } from '@foldline/kernel';
import { nameFor } from './container-options.ts';
import type { FoundImage } from './images.ts';
import { networkOf } from './job-network.ts';
import type { Making } from './pieces.ts';
import { removed, removedNetwork } from './removed.ts';
import { ServiceContainer } from './service-container.ts';

type Wanted = {
  docker: Docker;
  attemptId: string;
  asked: ContainerSpec;
  /** That of the job first. */
  images: readonly FoundImage[];
  madeIn: (network: string) => Making;
  notices: NonNullable<SiteSpec['notices']>;
  signal?: AbortSignal | undefined;
  /** Another one's, which comes into their network, and leaves it. */
  daemon?: InNetwork | undefined;
};

export type InNetwork = {
  join: (network: Docker.Network) => Promise<void>;
  leave: (network: Docker.Network) => Promise<void>;
};

/** Containers beside that of a job, in a network of their own. */
export type Services = { network: string; remove: () => Promise<void> };

/** Resolves when they are ready, or when the job has been told that one may not be. */
export const startServices = async (wanted: Wanted): Promise<Services> => {
  const { docker, attemptId, asked, images, madeIn, notices, signal, daemon } = wanted;
  const { services = [], tellsOfServices = false } = asked;
  const [, ...imagesOfServices] = images;
  const piece = madeIn('none').begin();
  const { labels } = piece;
  const started: ServiceContainer[] = [];
  let network: Docker.Network | undefined;
  const remove = (): Promise<void> =>
    piece.removing(async () => {
      await Promise.all(started.map(({ container }) => removed(container)));
      if (!network) return;
      await daemon?.leave(network);
      await removedNetwork(network);
    });
  try {
    network = await networkOf(docker, nameFor(attemptId), labels);
    await daemon?.join(network);
    const belonging = { ...madeIn(network.id), labels };
    const starts = services.map(async (service, index) => {
      const name = nameFor(attemptId, `service-${index + 1}-`);
      started.push(await ServiceContainer.start(docker, service, imagesOfServices[index]!, { ...belonging, name }));
    });
    for (const start of await Promise.allSettled(starts)) if (start.status === 'rejected') throw start.reason;
    // They are followed until they end, with the job at the latest; what cannot be read of them is no failure of it.
    if (tellsOfServices) for (const service of started) void service.follow(notices).catch(() => undefined);
    await Promise.all(started.map((service) => service.settle(notices, signal)));
    signal?.throwIfAborted();
    return { network: network.id, remove };
  } catch (error) {
    await remove().catch(() => undefined);
    piece.lost();
    throw error;
  }
};
