import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { planStream, type PipelineRequested, type Recorded } from '@foldline/contracts';
import {
  COMMANDS,
  PORT,
  because,
  type Commands,
  type Logger,
  type SecretBox,
  type SourceRepository,
} from '@foldline/kernel';
import { DefinitionCompiler, planRequested, type Outcome } from '@foldline/pipeline-language';
import { planDecider, type PlanCommand } from './plan.decider.ts';

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
    const { compiler, repositories, box, logger } = this;
    const outcome = await planRequested(event.data, event.recordedAt, { compiler, repositories, box, logger });
    const command = commandOf(pipelineId, outcome);
    await this.commands.handle(planStream(pipelineId), planDecider, command, because(event, 'pipeline-planner'));
  }
}

const commandOf = (pipelineId: string, outcome: Outcome): PlanCommand => {
  if ('plan' in outcome) return { type: 'RecordPlan', plan: outcome.plan, context: outcome.context };
  const { problems, commit } = outcome;
  return { type: 'RejectPlan', pipelineId, problems, ...(commit ? { commit } : {}) };
};
