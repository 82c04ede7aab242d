import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  PipelinePlanned,
  PipelineRequested,
  ProjectRegistered,
  planStream,
  projectStream,
  triggerStream,
  type NewEvent,
  type PipelineContext,
  type Plan,
} from '@foldline/contracts';
import { openEmbeddedPorts } from '@foldline/host';
import { derivedId, type Settings } from '@foldline/kernel';
import { sampleContext } from '@foldline/testing';
import { startStandalone, type Standalone } from './standalone.ts';

const TOKEN = 'a-token-for-the-plans';
const GIB = 1024 ** 3;
const WAITED_MS = 60_000;
const GIT = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'commit.gpgsign=false'];

export type Planned = { id: string; plan: Plan; context?: Partial<PipelineContext> };
type Job = { id: string; name: string; status: string; attempt: number; allowFailure: boolean } & Record<
  string,
  unknown
>;
type Pipeline = { id: string; status: string; jobs: Job[] } & Record<string, unknown>;

/** A whole server that finds these plans in its log: what no definition can say yet is carried out as well. */
export class PlannedServer {
  private constructor(
    readonly directory: string,
    private readonly server: Standalone,
  ) {}

  static async start(plans: (directory: string) => readonly Planned[]): Promise<PlannedServer> {
    const directory = mkdtempSync(join(tmpdir(), 'foldline-plans-'));
    const settings = settingsIn(join(directory, 'data'));
    mkdirSync(settings.dataDirectory);
    await record(settings, repositoryIn(directory), plans(directory));
    return new PlannedServer(directory, await startStandalone(settings));
  }

  async stop(): Promise<void> {
    await this.server.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  get<Answer>(path: string): Promise<Answer> {
    return this.ask<Answer>('GET', path);
  }

  async ask<Answer>(method: 'GET' | 'POST' | 'PATCH', path: string, body?: object): Promise<Answer> {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const sent = body ? { body: JSON.stringify(body) } : {};
    const response = await fetch(this.server.url + path, { method, headers, ...sent });
    if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}`);
    return (await response.json()) as Answer;
  }

  pipeline(id: string): Promise<Pipeline> {
    return this.get<Pipeline>(`/api/ada/engine/pipelines/${id}`);
  }

  /** The pipeline once it is so; fails when that takes too long. */
  when(id: string, isSo: (pipeline: Pipeline) => boolean): Promise<Pipeline> {
    return this.eventually(async () => {
      const pipeline = await this.pipeline(id);
      return isSo(pipeline) ? pipeline : undefined;
    });
  }

  async eventually<Found>(find: () => Promise<Found | undefined>): Promise<Found> {
    for (const end = Date.now() + WAITED_MS; Date.now() < end;) {
      const found = await find();
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('this did not come true');
  }

  ended(id: string): Promise<Pipeline> {
    return this.when(id, ({ finishedAt }) => finishedAt !== undefined);
  }
}

const settingsIn = (dataDirectory: string): Settings => ({
  mode: 'standalone',
  host: '127.0.0.1',
  port: 0,
  dataDirectory,
  logLevel: 'silent',
  adminToken: TOKEN,
  webhookSecret: 'a-secret-of-the-forge',
  runners: [
    {
      id: 'local',
      offer: {
        cluster: { id: 'local', power: 'low-power' },
        cpu: 8,
        memoryBytes: GIB,
        diskBytes: GIB,
        slots: 8,
        executors: ['process'],
        tags: ['linux', 'ssd'],
      },
    },
  ],
  highPowerOwners: ['*'],
  runnerLeaseMs: 180_000,
  queueLimit: { total: 1000, perProject: 1000 },
  queueRules: { priorityMs: 300_000, runningMs: 60_000, projectLimit: Infinity },
  layers: { mounts: true, diskBytes: 2 ** 30 },
  retention: {
    cacheMs: 30 * 86_400_000,
    snapshotMs: 7 * 86_400_000,
    submittedLogMs: 7 * 86_400_000,
    diskReserveBytes: 0,
  },
  allowPrivateTargets: false,
  includeHosts: [],
  buildWorkers: 2,
  buildLogDirectory: '.',
  version: '0.1.0',
});

const repositoryIn = (directory: string): { url: string; sha: string } => {
  const url = join(directory, 'repository');
  execFileSync('git', ['init', '--quiet', '--initial-branch=main', url]);
  writeFileSync(join(url, 'README.md'), 'engine\n');
  execFileSync('git', ['-C', url, 'add', '.']);
  execFileSync('git', ['-C', url, ...GIT, 'commit', '--quiet', '-m', 'Add gears']);
  return { url, sha: execFileSync('git', ['-C', url, 'rev-parse', 'HEAD'], { encoding: 'utf8' }).trim() };
};

/** As the gateway and the planner record it. */
const record = async (
  settings: Settings,
  { url, sha }: { url: string; sha: string },
  plans: readonly Planned[],
): Promise<void> => {
  const { ports, close } = await openEmbeddedPorts(settings, []);
  const append = (stream: string, correlationId: string, event: NewEvent) =>
    ports.eventStore.append(
      stream,
      [
        {
          ...event,
          id: `${event.type} ${stream}`,
          causationId: 'spec',
          correlationId,
          actor: { kind: 'user', id: 'ada' },
        },
      ],
      -1,
    );
  const project = { ...sampleContext.project, id: derivedId('project', 'ada', 'engine'), url };
  const { id: projectId, ...named } = project;
  await append(projectStream(projectId), projectStream(projectId), ProjectRegistered({ projectId, ...named }));
  for (const { id: pipelineId, plan, context: more } of plans) {
    const context = { ...sampleContext, sha, pipelineId, project, ...more };
    const { message: _message, sha: _sha, ...request } = context;
    await append(triggerStream(pipelineId), pipelineId, PipelineRequested(request));
    await append(planStream(pipelineId), pipelineId, PipelinePlanned({ pipelineId, context, plan }));
  }
  await close();
};
