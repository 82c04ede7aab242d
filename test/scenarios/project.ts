import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import {
  ApiError,
  jobNamed,
  until,
  type Accepted,
  type JobAnswer,
  type PipelineAnswer,
  type Sandbox,
} from '@foldline/client';

const AUTHOR = ['-c', 'user.name=Scenario', '-c', 'user.email=scenario@foldline.example', '-c', 'commit.gpgsign=false'];
const OWNER = 'acme';
const JSON_BODY = { 'content-type': 'application/json' };
const RESTING = new Set(['success', 'failed', 'cancelled', 'timed_out', 'skipped', 'manual']);
/** Many scenarios run beside each other, on several systems at once. */
const REST_MS = 120_000;

/** A job may tell of the pipeline that it has started a moment before that is shown itself. */
const notYet = (error: unknown): undefined => {
  if (!(error instanceof ApiError) || error.status !== 404) throw error;
};

/** A project of its own for each scenario, so that scenarios can run side by side and know nothing of each other. */
export class ScenarioProject {
  private constructor(
    readonly sandbox: Sandbox,
    readonly name: string,
  ) {}

  static async create(sandbox: Sandbox, name: string): Promise<ScenarioProject> {
    const project = new ScenarioProject(sandbox, name);
    mkdirSync(project.repository, { recursive: true });
    await project.git('init', '--quiet', '--initial-branch=main');
    await project.commit({ 'README.md': `${name}\n` });
    await sandbox.client.post('/api/v1/projects', { owner: OWNER, name, url: project.repository });
    return project;
  }

  get repository(): string {
    return join(this.sandbox.directory, 'scenarios', this.name);
  }

  get fullName(): string {
    return `${OWNER}/${this.name}`;
  }

  /** A place for gates and counters of this scenario. */
  get directory(): string {
    const directory = join(this.sandbox.directory, 'scenarios', `${this.name}-beside`);
    mkdirSync(directory, { recursive: true });
    return directory;
  }

  /** Commits these files on `main`; answers with the commit's id. */
  async commit(files: Readonly<Record<string, string>>): Promise<string> {
    for (const [name, content] of Object.entries(files)) {
      const path = join(this.repository, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
    await this.git('add', '--all');
    await this.git('commit', '--quiet', '--allow-empty', '-m', 'change');
    return this.git('rev-parse', 'HEAD');
  }

  /** Commits the definition and starts a pipeline of it; answers with its id. */
  async start(definition: string, variables: Readonly<Record<string, string>> = {}): Promise<string> {
    await this.commit({ '.codara-ci.yml': definition });
    return this.trigger('main', variables);
  }

  async trigger(ref = 'main', variables: Readonly<Record<string, string>> = {}): Promise<string> {
    return (await this.post<Accepted>('/pipelines', { ref, variables })).id;
  }

  get<Answer>(path: string): Promise<Answer> {
    return this.sandbox.client.get<Answer>(`/api/${this.fullName}${path}`);
  }

  post<Answer>(path: string, body: object = {}): Promise<Answer> {
    return this.sandbox.client.post<Answer>(`/api/${this.fullName}${path}`, body);
  }

  patch(path: string, body: object): Promise<void> {
    return this.change('PATCH', path, body);
  }

  put(path: string, body: object): Promise<void> {
    return this.change('PUT', path, body);
  }

  private async change(method: 'PATCH' | 'PUT', path: string, body: object): Promise<void> {
    const request = { headers: JSON_BODY, body: JSON.stringify(body) };
    const { status } = await this.sandbox.client.raw(method, `/api/${this.fullName}${path}`, request);
    if (status !== 200) throw new Error(`${method} ${path} was answered with ${status}`);
  }

  /** Tells of a push to `main` as a forge does; answers with the ids of its pipelines. */
  async push(commits: { before?: string; after: string }): Promise<string[]> {
    const repository = { full_name: this.fullName, clone_url: this.repository };
    const body = JSON.stringify({ ref: 'refs/heads/main', ...commits, repository });
    const { client, server } = this.sandbox;
    const headers = {
      ...JSON_BODY,
      'x-github-event': 'push',
      'x-github-delivery': `${this.name}-${commits.after}`,
      'x-hub-signature-256': `sha256=${createHmac('sha256', server.webhookSecret).update(body).digest('hex')}`,
    };
    const response = await client.raw('POST', '/v1/webhooks/github', { headers, body });
    return ((await response.json()) as { pipelines: string[] }).pipelines;
  }

  async remove(path: string): Promise<void> {
    const { status } = await this.sandbox.client.raw('DELETE', `/api/${this.fullName}${path}`);
    if (status !== 204) throw new Error(`DELETE ${path} was answered with ${status}`);
  }

  /** The pipeline once it is in one of these states; by default once it has ended or waits for a person. */
  rested(id: string, ...statuses: readonly string[]): Promise<PipelineAnswer> {
    const awaited = statuses.length > 0 ? new Set(statuses) : RESTING;
    return this.pipelineWhen(id, ({ status }) => awaited.has(status));
  }

  /** The pipeline that a job has started, in whatever project. */
  async downstream(id: string, job: string): Promise<string> {
    const started = ({ jobs }: PipelineAnswer) => jobs.find(({ name }) => name === job)?.downstream;
    const { pipelineId } = started(await this.pipelineWhen(id, (pipeline) => started(pipeline) !== undefined))!;
    return pipelineId;
  }

  /** The job of this name once it is in this state. */
  async jobIs(id: string, name: string, status: string): Promise<JobAnswer> {
    const isThere = ({ jobs }: PipelineAnswer): boolean =>
      jobs.some((job) => job.name === name && job.status === status);
    return jobNamed(await this.pipelineWhen(id, isThere), name);
  }

  private pipelineWhen(id: string, isThere: (pipeline: PipelineAnswer) => boolean): Promise<PipelineAnswer> {
    return until(
      `pipeline ${id} of ${this.fullName}, ${this.sandbox.topology}`,
      async () => {
        const pipeline = await this.get<PipelineAnswer>(`/pipelines/${id}`).catch(notYet);
        return pipeline !== undefined && isThere(pipeline) && pipeline;
      },
      REST_MS,
      250,
    );
  }

  /** Beside everything else: a receiver in this process must answer meanwhile. */
  private async git(...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)('git', [...AUTHOR, ...args], { cwd: this.repository });
    return stdout.trim();
  }
}
