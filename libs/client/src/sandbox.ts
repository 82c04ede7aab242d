import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ApiClient } from './api-client.ts';
import { Cluster, type Instances } from './cluster.ts';
import type { Host } from './cluster-service.ts';
import { startServerProcess, type Server } from './server-process.ts';
import { topologyAskedFor, type Topology } from './topology.ts';
import { until } from './until.ts';

const IDENTITY = ['-c', 'user.name=Sandbox', '-c', 'user.email=sandbox@foldline.example', '-c', 'commit.gpgsign=false'];
const RESTING = new Set(['success', 'failed', 'cancelled', 'timed_out', 'skipped', 'manual']);
export const PROJECT = 'acme/shop';
/** Milliseconds that a test gives a sandbox to start, or to stop, on a busy machine. */
export const START_MS = 120_000;

export type JobAnswer = {
  id: string;
  name: string;
  stage: string;
  status: string;
  attempt: number;
  allowFailure: boolean;
  confirmation?: string;
  exitCode?: number;
  reason?: string;
  detail?: string;
  coverage?: number;
  cluster?: { id: string; power: string };
  matrix?: Record<string, string>;
  environment?: { name: string; url?: string };
  downstream?: { pipelineId: string; project: string };
  /** Once it is sealed. */
  log?: { bytes: number; complete: boolean };
};
export type ProblemAnswer = {
  code: string;
  severity: string;
  file: string;
  line: number;
  column: number;
  message: string;
  hint?: string;
};
export type PipelineAnswer = {
  id: string;
  status: string;
  ref: string;
  sha: string;
  problems: ProblemAnswer[];
  jobs: JobAnswer[];
};
export type Accepted = { id: string; position: number };

/** What the sandbox runs on. */
export type Place = {
  topology?: Topology;
  /** For the distributed topology alone: processes of each service, and other hosts for its runners. */
  instances?: Instances;
  hosts?: readonly Host[];
  /** Where the services find the project's repository, given where it lies; there by default. */
  addressOf?: (repository: string) => string;
  /** The URL of a module that every process of Foldline loads before it begins. */
  preload?: string;
};

const asItIs = (repository: string): string => repository;

/** A real system on a fresh directory, as one process or as a cluster of them, with one project whose repository the caller writes. */
export class Sandbox {
  private constructor(
    readonly directory: string,
    private readonly environment: Readonly<Record<string, string>>,
    private readonly preload: string | undefined,
    public server: Server,
  ) {}

  /** `programs` are stand-ins for tools that the host may lack: scripts by name, first on the jobs' PATH. */
  static async start(
    environment: Readonly<Record<string, string>> = {},
    programs: Readonly<Record<string, string>> = {},
    { topology = topologyAskedFor(), instances = {}, hosts = [], addressOf = asItIs, preload }: Place = {},
  ): Promise<Sandbox> {
    const directory = mkdtempSync(join(tmpdir(), 'foldline-sandbox-'));
    const bin = join(directory, 'bin');
    mkdirSync(bin);
    for (const [name, script] of Object.entries(programs)) {
      writeFileSync(join(bin, name), script);
      chmodSync(join(bin, name), 0o755);
    }
    const settings = { ...environment, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
    const server =
      topology === 'standalone'
        ? await startServerProcess(join(directory, 'data'), settings, preload)
        : await Cluster.start(directory, settings, instances, hosts, preload);
    const sandbox = new Sandbox(directory, settings, preload, server);
    mkdirSync(sandbox.repository);
    sandbox.git('init', '--quiet', '--initial-branch=main');
    sandbox.commit({ 'README.md': 'sandbox\n' });
    const [owner, name] = PROJECT.split('/');
    await server.client.post('/api/v1/projects', { owner, name, url: addressOf(sandbox.repository) });
    return sandbox;
  }

  get client(): ApiClient {
    return this.server.client;
  }

  /** The processes of the distributed topology. */
  get cluster(): Cluster {
    if (!(this.server instanceof Cluster)) throw new Error('this sandbox is one standalone process');
    return this.server;
  }

  get topology(): Topology {
    return this.server instanceof Cluster ? 'distributed' : 'standalone';
  }

  get repository(): string {
    return join(this.directory, 'repository');
  }

  git(...args: string[]): string {
    return execFileSync('git', [...IDENTITY, ...args], { cwd: this.repository, encoding: 'utf8' }).trim();
  }

  /** Commits these files on the current branch; answers with the commit's id. */
  commit(files: Readonly<Record<string, string>>, message = 'change'): string {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.repository, name)), { recursive: true });
      writeFileSync(join(this.repository, name), content);
    }
    this.git('add', '--all');
    this.git('commit', '--quiet', '--allow-empty', '-m', message);
    return this.git('rev-parse', 'HEAD');
  }

  /** Commits these files and nothing else: what the branch held before is gone. */
  commitOnly(files: Readonly<Record<string, string>>, message = 'change'): string {
    this.git('rm', '-r', '--quiet', '--ignore-unmatch', '.');
    return this.commit(files, message);
  }

  trigger(ref = 'main', variables: Readonly<Record<string, string>> = {}): Promise<Accepted> {
    return this.client.post<Accepted>(`/api/${PROJECT}/pipelines`, { ref, variables });
  }

  pipeline(id: string): Promise<PipelineAnswer> {
    return this.client.get<PipelineAnswer>(`/api/${PROJECT}/pipelines/${id}`);
  }

  /** The pipeline once it has ended or waits for a person. */
  rested(
    id: string,
    isThere: (pipeline: PipelineAnswer) => boolean = ({ status }) => RESTING.has(status),
  ): Promise<PipelineAnswer> {
    return until(`pipeline ${id} to come to rest`, async () => {
      const pipeline = await this.pipeline(id);
      return isThere(pipeline) && pipeline;
    });
  }

  /** The pipeline once its job of this name is in one of these states. */
  jobIs(id: string, name: string, ...statuses: string[]): Promise<PipelineAnswer> {
    return this.rested(id, ({ jobs }) => jobs.some((job) => job.name === name && statuses.includes(job.status)));
  }

  /** Resolves once that job of the pipeline waits to be run for this reason. */
  async waitsFor(id: string, name: string, code: string): Promise<void> {
    const { jobs } = await this.jobIs(id, name, 'queued');
    const path = `/api/${PROJECT}/jobs/${jobs.find((job) => job.name === name)!.id}`;
    await until(`${name} to wait for ${code}`, async () => {
      const { waiting } = await this.client.get<{ waiting?: { code: string } }>(path);
      return waiting?.code === code;
    });
  }

  /** Commits the definition, runs it and answers with the pipeline as it ended. */
  async run(definition: string, files: Readonly<Record<string, string>> = {}, ref = 'main'): Promise<PipelineAnswer> {
    this.commit({ ...files, '.codara-ci.yml': definition });
    return this.rested((await this.trigger(ref)).id);
  }

  log(jobId: string): Promise<string> {
    return this.client.text(`/api/${PROJECT}/jobs/${jobId}/logs`);
  }

  /** Starts the server again on the same data, as after a crash. */
  async restart(): Promise<void> {
    if (this.server instanceof Cluster) await this.server.startAll();
    else this.server = await startServerProcess(join(this.directory, 'data'), this.environment, this.preload);
  }

  async stop(): Promise<void> {
    await this.server.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The job of this name; a clear failure when there is none. */
export const jobNamed = (pipeline: PipelineAnswer, name: string): JobAnswer => {
  const job = pipeline.jobs.find((candidate) => candidate.name === name);
  if (!job) throw new Error(`no job ${name} among ${pipeline.jobs.map((candidate) => candidate.name).join(', ')}`);
  return job;
};
