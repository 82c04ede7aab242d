import { expect } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  PipelineRequested,
  planStream,
  triggerStream,
  type NewEvent,
  type PipelinePlanned,
  type Plan,
  type PlanRejected,
  type Problem,
  type Recorded,
  type RecordedEvent,
} from '@foldline/contracts';
import { openEmbeddedPorts, type EmbeddedPorts } from '@foldline/host';
import type { Ports, Settings } from '@foldline/kernel';
import { READ_MODELS } from '@foldline/read-models';
import { sampleContext } from '@foldline/testing';
import type { PlanOnPipelineRequested } from './plan-on-pipeline-requested.policy.ts';
import { planningWith } from './planning.fixture.ts';
import { Repository } from './repository.fixture.ts';

type Request = Recorded<ReturnType<typeof PipelineRequested>>;

/** A planner on embedded ports, and the project `ada/engine`, whose definitions tests write. */
export class PlannerSandbox {
  private events = 0;
  private pipelines = 0;

  private constructor(
    readonly directory: string,
    readonly engine: Repository,
    private readonly embedded: EmbeddedPorts,
    private readonly planning: PlanOnPipelineRequested,
  ) {}

  static async start(settings: Pick<Settings, 'includeHosts' | 'allowPrivateTargets'>): Promise<PlannerSandbox> {
    const directory = mkdtempSync(join(tmpdir(), 'foldline-planner-'));
    const all: Partial<Settings> = { ...settings, dataDirectory: join(directory, 'data'), logLevel: 'silent' };
    const embedded = await openEmbeddedPorts(all as Settings, READ_MODELS);
    const engine = new Repository(join(directory, 'engine'));
    return new PlannerSandbox(directory, engine, embedded, planningWith(embedded.ports));
  }

  async stop(): Promise<void> {
    await this.planning.beforeApplicationShutdown();
    await this.embedded.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async record(stream: string, ...events: NewEvent[]): Promise<number> {
    const { eventStore } = this.embedded.ports;
    const revision = (await eventStore.readStream(stream, 0)).at(-1)?.revision ?? -1;
    const actor = { kind: 'system' as const, id: 'spec' };
    const prepared = events.map((event) => ({
      ...event,
      id: `event-${(this.events += 1)}`,
      causationId: 'spec',
      correlationId: 'spec',
      actor,
    }));
    return (await eventStore.append(stream, prepared, revision)).position;
  }

  /** A request for the commit that has this definition, and one job beside. */
  async requested(definition: string): Promise<Request> {
    const sha = this.engine.commit({ '.codara-ci.yml': `${definition}\ntest: { script: make }\n` });
    const pipelineId = `p${(this.pipelines += 1)}`;
    const { url } = this.engine;
    const event = PipelineRequested({
      pipelineId,
      project: { ...sampleContext.project, owner: 'ada', name: 'engine', url, defaultBranch: 'main' },
      ref: { name: 'main', kind: 'branch', protected: false },
      sha,
      source: 'push',
      variables: {},
      projectVariables: [],
      secrets: [],
    });
    const stream = triggerStream(pipelineId);
    await this.record(stream, event);
    return (await this.embedded.ports.eventStore.readStream(stream, 0)).at(-1) as Request;
  }

  /** What is recorded of a request that was delivered so many times. */
  async outcomesOf(request: Request, times = 1): Promise<RecordedEvent[]> {
    for (let n = 0; n < times; n++) await this.planning.plan(request);
    return this.embedded.ports.eventStore.readStream(planStream(request.data.pipelineId), 0);
  }

  async planOf(definition: string): Promise<Plan> {
    const [event] = await this.outcomesOf(await this.requested(definition));
    expect(event).toMatchObject({ type: 'PipelinePlanned' });
    return (event!.data as ReturnType<typeof PipelinePlanned>['data']).plan;
  }

  async problemsOf(definition: string): Promise<Problem[]> {
    const [event] = await this.outcomesOf(await this.requested(definition));
    expect(event).toMatchObject({ type: 'PlanRejected' });
    return (event!.data as ReturnType<typeof PlanRejected>['data']).problems;
  }

  /** The same planner with other ports beside. */
  async problemsWith(ports: Partial<Ports>, definition: string): Promise<Problem[]> {
    const other = planningWith({ ...this.embedded.ports, ...ports });
    const sandbox = new PlannerSandbox(this.directory, this.engine, this.embedded, other);
    sandbox.pipelines = this.pipelines + 1_000;
    sandbox.events = this.events + 1_000;
    try {
      return await sandbox.problemsOf(definition);
    } finally {
      await other.beforeApplicationShutdown();
    }
  }
}

export const jobsOf = ({ jobs }: Plan): string[] => jobs.map(({ name }) => name).toSorted();
