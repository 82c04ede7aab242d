import { Inject, Injectable } from '@nestjs/common';
import {
  alertStream,
  COLLECTION,
  type AlertWatchDoc,
  type PipelineDoc,
  type ProjectDoc,
  type RecordedEvent,
  type ServiceDeploymentDoc,
} from '@foldline/contracts';
import {
  because,
  COMMANDS,
  PORT,
  TransientError,
  type Commands,
  type ReadModels,
  type ReadStore,
} from '@foldline/kernel';
import { alertDecider } from './alert.decider.ts';

const READ_MODELS_WAIT_MS = 10_000;
/** What names the project that an event is about. */
type About = { projectId?: string; pipelineId?: string; deploymentId?: string };

/** After an event at which rules are judged: what has changed with those of its project is recorded, each change once. */
@Injectable()
export class RecordAlerts {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.readModels) private readonly readModels: ReadModels,
  ) {}

  async after(event: RecordedEvent<string, About>): Promise<void> {
    if (!(await this.readModels.reached(event.position, READ_MODELS_WAIT_MS))) {
      throw new TransientError('the read models do not show yet what the rules come to');
    }
    const projectId = await this.projectOf(event.data);
    if (projectId === undefined) return;
    const watch = await this.reads.get<AlertWatchDoc>(COLLECTION.alertWatches, projectId);
    if (!watch || watch.transitions.length === 0) return;
    const project = await this.nameOf(projectId);
    const { transitions } = watch;
    await this.commands.handle(
      alertStream(projectId),
      alertDecider,
      { type: 'RecordTransitions', projectId, project, transitions },
      because(event, 'notifier'),
    );
  }

  /** `owner/name`. */
  async nameOf(projectId: string): Promise<string> {
    const doc = await this.reads.get<ProjectDoc>(COLLECTION.projects, projectId);
    return doc ? `${doc.owner}/${doc.name}` : projectId;
  }

  private async projectOf({ projectId, pipelineId, deploymentId }: About): Promise<string | undefined> {
    if (projectId !== undefined) return projectId;
    const { pipelines, serviceDeployments } = COLLECTION;
    if (pipelineId !== undefined) return (await this.reads.get<PipelineDoc>(pipelines, pipelineId))?.projectId;
    if (deploymentId === undefined) return undefined;
    return (await this.reads.get<ServiceDeploymentDoc>(serviceDeployments, deploymentId))?.projectId;
  }
}
