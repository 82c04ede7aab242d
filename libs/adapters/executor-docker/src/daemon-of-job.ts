import type { ServiceSpec, SiteSpec } from '@foldline/kernel';
import type { DaemonForJobs } from './docker-in-jobs.ts';
import { differences } from './daemon-options.ts';
import { ensureImage, type Fetching } from './images.ts';
import type { Making } from './pieces.ts';
import { DaemonNotReady, PipelineDaemon } from './pipeline-daemon.ts';
import { PipelineDaemons, type Lease } from './pipeline-daemons.ts';
import type { InNetwork } from './services.ts';

/** What a job has of a Docker daemon, until it is released; `handedOver` is of images that its pipeline has made. */
export type DaemonOfJob = Pick<Fetching, 'handedOver'> & {
  /** On this host, where the job may speak to it. */
  socket?: string;
  inNetwork?: InNetwork;
  release: () => void;
};

type Asking = {
  spec: SiteSpec;
  /** By which it asks for a daemon. */
  service: ServiceSpec | undefined;
  fetching: Fetching;
  madeIn: (network: string) => Making;
};

const REPLACED =
  'the Docker daemon that the pipeline had has ended, and the job has a new one: nothing is in it of what earlier jobs made';
const STARTED_OTHERWISE = 'the Docker daemon of the pipeline is as the job defines it that asked first';

const NONE: DaemonOfJob = { release: () => undefined };

/** Gives each job the daemon that this runner has for it. */
export class DaemonsForJobs {
  readonly #ofPipelines: PipelineDaemons;

  constructor(
    private readonly forJobs: DaemonForJobs | undefined,
    private readonly slots: string,
  ) {
    this.#ofPipelines = new PipelineDaemons(forJobs && 'idleMs' in forJobs ? forJobs.idleMs : 0);
  }

  get areOfPipelines(): boolean {
    return this.forJobs !== undefined && 'idleMs' in this.forJobs;
  }

  async forJob(asking: Asking): Promise<DaemonOfJob> {
    const { spec, service, fetching } = asking;
    if (!this.forJobs) return NONE;
    if ('socket' in this.forJobs) {
      if (!service) return NONE;
      fetching.notices.tell('The job has the Docker daemon of its runner');
      return { ...NONE, socket: this.forJobs.socket };
    }
    if (service) return this.#pipelines(asking, service);
    const lease = await this.#ofPipelines.find(pipelineOf(spec));
    return lease ? handingOver(lease) : NONE;
  }

  close(): Promise<void> {
    return this.#ofPipelines.close();
  }

  async #pipelines({ spec, fetching, madeIn }: Asking, service: ServiceSpec): Promise<DaemonOfJob> {
    const { docker, notices, signal } = fetching;
    const pipelineId = pipelineOf(spec);
    notices.tell('The job has the Docker daemon of its pipeline');
    const lease = this.#ofPipelines.take(pipelineId, async () => {
      // Whoever has asked first may be stopped while others wait.
      const image = await ensureImage(service, { ...fetching, signal: undefined });
      return PipelineDaemon.start({ docker, pipelineId, service, image, madeIn, slots: this.slots });
    });
    try {
      const taken = await unlessStopped(lease, signal);
      const { daemon, isReplacement } = taken;
      const others = differences(service, daemon.service);
      if (isReplacement) notices.warn(REPLACED);
      if (others.length > 0) notices.warn(`${STARTED_OTHERWISE}: this one names ${others.join(' and ')}`);
      const inNetwork: InNetwork = {
        join: (network) => daemon.join(network, service),
        leave: (network) => daemon.leave(network),
      };
      return { ...handingOver(taken), socket: daemon.socket, inNetwork };
    } catch (error) {
      lease.then(
        ({ release }) => release(),
        () => undefined,
      );
      if (error instanceof DaemonNotReady) for (const line of error.lines) notices.tell(`[docker] ${line}`);
      throw error;
    }
  }
}

/** What the jobs of a pipeline share is an attempt's alone that is of none. */
const pipelineOf = ({ pipelineId, attemptId }: SiteSpec): string => pipelineId ?? attemptId;

const handingOver = ({ daemon, release }: Lease): DaemonOfJob => ({
  handedOver: (image) => daemon.imageNamed(image),
  release,
});

/** The work goes on for others who wait for it. */
const unlessStopped = async <T>(work: Promise<T>, signal?: AbortSignal): Promise<T> => {
  if (!signal) return work;
  signal.throwIfAborted();
  let stop: () => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
  });
  return Promise.race([work, stopped]).finally(() => signal.removeEventListener('abort', stop));
};
