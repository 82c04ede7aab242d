import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { COLLECTION, planStream, type PipelineRequested, type ProjectDoc, type Recorded } from '@foldline/contracts';
import {
  COMMANDS,
  PORT,
  TransientError,
  because,
  keptArtifacts,
  type Clock,
  type Commands,
  type Logger,
  type ObjectStore,
  type OutboundHttp,
  type ReadModels,
  type ReadStore,
  type SecretBox,
  type Settings,
  type SourceRepository,
} from '@foldline/kernel';
import {
  DefinitionCompiler,
  PATIENT,
  planRequested,
  type ArtifactTools,
  type Outcome,
  type PlanningTools,
} from '@foldline/pipeline-language';
import { planDecider, type PlanCommand } from './plan.decider.ts';

const READ_MODELS_WAIT_MS = 10_000;

type Request = Recorded<ReturnType<typeof PipelineRequested>>;

/** A requested pipeline is planned from its definition at its commit; what stands in the way becomes the rejection. */
@Injectable()
export class PlanOnPipelineRequested implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly compiler = new DefinitionCompiler();

  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.sourceRepository) private readonly repositories: SourceRepository,
    @Inject(PORT.secretBox) private readonly box: SecretBox,
    @Inject(PORT.logger) private readonly logger: Logger,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PORT.outboundHttp) private readonly http: OutboundHttp,
    @Inject(PORT.settings) private readonly settings: Pick<Settings, 'includeHosts'>,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.readModels) private readonly readModels: ReadModels,
    @Inject(PORT.objectStore) private readonly objects: ObjectStore,
  ) {}

  /** Compiling starts the compiler as well; starting it now only makes the first plan faster. */
  onApplicationBootstrap(): void {
    this.compiler
      .warm()
      .catch((error: unknown) =>
        this.logger.warn({ err: error }, 'the compiler did not start; the first plan tries again'),
      );
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.compiler.close();
  }

  async plan(event: Request): Promise<void> {
    const { pipelineId } = event.data;
    const { planned } = await this.commands.stateOf(planStream(pipelineId), planDecider);
    if (planned) return;
    const outcome = await planRequested(event.data, event.recordedAt, this.toolsAt(event.position));
    const command = commandOf(event.data, outcome);
    await this.commands.handle(planStream(pipelineId), planDecider, command, because(event, 'pipeline-planner'));
  }

  /** Other projects and artifacts are seen as they were when the pipeline was requested, or later. */
  private toolsAt(position: number): PlanningTools {
    const { compiler, repositories, box, logger, clock, http, reads, readModels } = this;
    const shown = async (): Promise<ReadStore> => {
      if (await readModels.reached(position, READ_MODELS_WAIT_MS)) return reads;
      throw new TransientError('the read models are behind');
    };
    const findProject = async (id: string): Promise<ProjectDoc | undefined> =>
      (await shown()).get(COLLECTION.projects, id);
    const artifacts: ArtifactTools = {
      objects: this.objects,
      keptBy: async (jobId, attempt) => keptArtifacts(await shown(), jobId, attempt),
    };
    const { includeHosts } = this.settings;
    return {
      compiler,
      repositories,
      box,
      logger,
      clock,
      http,
      includeHosts,
      patience: PATIENT,
      findProject,
      documents: shown,
      artifacts,
    };
  }
}

const commandOf = ({ pipelineId, upstream }: Request['data'], outcome: Outcome): PlanCommand => {
  if ('plan' in outcome) return { type: 'RecordPlan', plan: outcome.plan, context: outcome.context };
  const { problems, commit } = outcome;
  return { type: 'RejectPlan', pipelineId, problems, ...(commit && { commit }), ...(upstream && { upstream }) };
};
