import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApiError, PROJECT, Sandbox, until, type ApiClient, type PipelineAnswer } from '@foldline/client';
import { GitDaemon } from './git-daemon.ts';
import { HostNetwork, type NetworkHost } from './host-network.ts';
import { OwnKafka } from './own-kafka.ts';

const NAMES = ['host-a', 'host-b', 'host-c', 'host-d'] as const;
const TWICE = { 'api-gateway': 2, 'pipeline-planner': 2, scheduler: 2 };
export const LEASE_SECONDS = 10;
const PATIENCE_MS = 60_000;
/** Asking costs processor time that jobs need, too. */
const POLL_MS = 200;

type JobEvent = { type: string; data: { jobId: string; attempt: number; outcome?: string } };
type EventPage = { items: JobEvent[]; nextCursor?: string };
type Trace = { word: string; attemptId: string; host: string; pid: number };

/** A network of hosts with a runner each; everything else runs twice or once on this machine. */
export class Hosts {
  private constructor(
    readonly sandbox: Sandbox,
    private readonly network: HostNetwork,
    private readonly closing: readonly (() => Promise<void>)[],
  ) {}

  static async start(): Promise<Hosts> {
    const closing: (() => Promise<void>)[] = [];
    try {
      const network = await HostNetwork.create(NAMES);
      closing.unshift(() => network.remove());
      const kafka = await OwnKafka.start(network.address);
      closing.unshift(() => kafka.stop());
      const git = await GitDaemon.start(network.address);
      closing.unshift(() => git.stop());
      const sandbox = await Sandbox.start(
        {
          FOLDLINE_KAFKA_BROKERS: kafka.brokers,
          FOLDLINE_RUNNER_LEASE_SECONDS: String(LEASE_SECONDS),
          FOLDLINE_DRAIN_SECONDS: '60',
        },
        {},
        {
          topology: 'distributed',
          instances: TWICE,
          hosts: network.hosts,
          addressOf: (repository) => git.urlOf(repository),
        },
      );
      closing.unshift(() => sandbox.stop());
      const hosts = new Hosts(sandbox, network, closing);
      await until('all runners to be there', async () => (await hosts.online()).size === NAMES.length);
      return hosts;
    } catch (error) {
      await closeAll(closing);
      throw error;
    }
  }

  close(): Promise<void> {
    return closeAll(this.closing);
  }

  host(name: (typeof NAMES)[number]): NetworkHost {
    return this.network.hosts.find((host) => host.name === name)!;
  }

  get all(): readonly NetworkHost[] {
    return this.network.hosts;
  }

  /** Clients of both gateways, as far as these run. */
  get clients(): ApiClient[] {
    return [0, 1]
      .map((n) => this.sandbox.cluster.service('api-gateway', n))
      .filter(({ pid }) => pid !== undefined)
      .map((gateway) => this.sandbox.cluster.clientOf(gateway));
  }

  async trigger(definition: string): Promise<string> {
    this.sandbox.commitOnly({ '.codara-ci.yml': definition });
    return (await this.sandbox.trigger()).id;
  }

  async ended(id: string): Promise<PipelineAnswer> {
    return until(
      `pipeline ${id} to end`,
      async () => {
        const pipeline = await this.pipeline(id);
        return ['success', 'failed', 'cancelled', 'timed_out'].includes(pipeline.status) && pipeline;
      },
      PATIENCE_MS,
      POLL_MS,
    );
  }

  /** As any gateway says that answers: they may be on their way down or up. */
  pipeline(id: string): Promise<PipelineAnswer> {
    return this.answered((client) => client.get<PipelineAnswer>(`/api/${PROJECT}/pipelines/${id}`));
  }

  async events(id: string): Promise<JobEvent[]> {
    const found: JobEvent[] = [];
    let cursor: string | undefined = '0';
    while (cursor !== undefined) {
      const path: string = `/api/${PROJECT}/pipelines/${id}/events?limit=200&cursor=${cursor}`;
      const page: EventPage = await this.answered((client) => client.get<EventPage>(path));
      found.push(...page.items);
      cursor = page.nextCursor;
    }
    return found;
  }

  async answered<Answer>(ask: (client: ApiClient) => Promise<Answer>): Promise<Answer> {
    let n = 0;
    let failure: unknown;
    return until(
      'a gateway to answer',
      async () => {
        const { clients } = this;
        try {
          return await ask(clients[n++ % clients.length]!);
        } catch (error) {
          // The other gateway may not know yet what this one has accepted; any other refusal stays one.
          if (error instanceof ApiError && error.status < 500 && error.status !== 404) throw error;
          failure = error;
          return undefined;
        }
      },
      PATIENCE_MS,
    ).catch((error: unknown) => {
      throw new Error('no gateway answers', { cause: failure ?? error });
    });
  }

  /** The runners that take jobs now, with their epochs: a runner that was lost comes back under another. */
  async online(): Promise<Map<string, string>> {
    type Runner = { id: string; epoch: string; status: string };
    const { items } = await this.answered((client) => client.get<{ items: Runner[] }>('/api/v1/runners'));
    return new Map(items.flatMap(({ id, epoch, status }) => (status === 'online' ? [[id, epoch] as const] : [])));
  }

  /** A shell command by which an attempt says something beside the system, in a file that all hosts share. */
  trace(word: string): string {
    return `echo "${word} $CI_JOB_ID.$CI_JOB_ATTEMPT $CI_CLUSTER_ID $$" >> ${this.path('trace')}`;
  }

  traces(): Trace[] {
    if (!existsSync(this.path('trace'))) return [];
    return readFileSync(this.path('trace'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => {
        const [word, attemptId, host, pid] = line.split(' ') as [string, string, string, string];
        return { word, attemptId, host, pid: Number(pid) };
      });
  }

  /** A shell command that waits until the test opens the gate. */
  get waitAtGate(): string {
    return `until [ -e ${this.path('gate')} ]; do sleep 0.05; done`;
  }

  openGate(): void {
    writeFileSync(this.path('gate'), '');
  }

  private path(name: string): string {
    return join(this.sandbox.directory, name);
  }
}

/** Each even when one before it failed; throws what was thrown first. */
const closeAll = async (steps: readonly (() => Promise<void>)[]): Promise<void> => {
  const failures: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
};
