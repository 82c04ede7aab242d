import { Inject, Injectable } from '@nestjs/common';
import { mayCall, triggerStream, type DownstreamRequested, type ProjectDoc, type Recorded } from '@foldline/contracts';
import {
  because,
  COMMANDS,
  PORT,
  Refusal,
  TransientError,
  type Cause,
  type Commands,
  type ReadModels,
} from '@foldline/kernel';
import { ProjectQueries } from '../projects/project.queries.ts';
import { PipelineRequests, type Wanted } from './pipeline-requests.ts';
import { triggerDecider } from './trigger.decider.ts';

type Event = Recorded<ReturnType<typeof DownstreamRequested>>;

const SHOWN_MS = 10_000;

/** A job starts a pipeline, of its own commit or of another project that lets it. */
@Injectable()
export class RequestDownstream {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.readModels) private readonly models: ReadModels,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
    @Inject(PipelineRequests) private readonly pipelines: PipelineRequests,
  ) {}

  async request(event: Event): Promise<void> {
    if (!(await this.models.reached(event.position, SHOWN_MS)))
      throw new TransientError('the read models do not show yet what the project is');
    const { downstreamId } = event.data;
    const cause = because(event, 'api-gateway');
    if (await this.pipelines.stored(downstreamId)) return;
    try {
      const { project, ...wanted } = await this.wantedBy(event.data);
      await this.pipelines.request(project, wanted, cause);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.code === 'read_models_behind') throw new TransientError(error.message);
      await this.refuse(event, error, cause);
    }
  }

  private async wantedBy(asked: Event['data']): Promise<Wanted & { project: ProjectDoc }> {
    const { downstreamId: pipelineId, of, variables, inputs, upstream } = asked;
    const common = { pipelineId, variables, upstream, ...(inputs ? { inputs } : {}) };
    if (of.kind === 'child') {
      const project = await this.projects.identified(asked.project.id);
      const { definition, ref, sha, before } = of;
      const at = { ref, sha, ...(before === undefined ? {} : { before }) };
      return { ...common, project, source: 'parent_pipeline', definition, ...at };
    }
    const project = await this.callable(of.project, upstream.project);
    return {
      ...common,
      project,
      source: 'pipeline',
      ...(await this.pipelines.resolve(project, of.branch ?? project.defaultBranch)),
    };
  }

  /** Whoever may not call a project does not learn either whether it is there. */
  private async callable(name: string, caller: string): Promise<ProjectDoc> {
    const found = await this.projects.identified(name).catch((error: unknown) => {
      if (error instanceof Refusal && error.code === 'not_found') return undefined;
      throw error;
    });
    if (found && mayCall({ owner: found.owner, name: found.name, callers: found.callers }, caller)) return found;
    throw new Refusal(
      'not_found',
      `there is no project ${name} that lets ${caller} start its pipelines; PUT /api/${name}/callers names who may`,
    );
  }

  private async refuse({ data }: Event, { code, message }: Refusal, cause: Cause): Promise<void> {
    const { pipelineId, jobId, attempt, downstreamId } = data;
    await this.commands.handle(
      triggerStream(downstreamId),
      triggerDecider,
      { type: 'RefuseDownstream', pipelineId, jobId, attempt, downstreamId, code, detail: message },
      { ...cause, correlationId: pipelineId },
    );
  }
}
