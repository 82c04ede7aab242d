import { Inject, Injectable } from '@nestjs/common';
import {
  attemptIdOf,
  DEPLOYMENT_CANCELLED,
  deploymentStream,
  environmentStream,
  type JobAssigned,
  type JobCancelled,
  type JobFailed,
  type JobSucceeded,
  type Recorded,
  type RecordedEvent,
} from '@foldline/contracts';
import { because, COMMANDS, derivedId, type Commands } from '@foldline/kernel';
import { environmentDecider } from '../environment/environment.decider.ts';
import { deploymentDecider, type DeploymentCommand } from './deployment.decider.ts';
import { targetOfJob, webAddress } from './target-of-job.ts';

/** Attempts of jobs that deploy nothing which are remembered, so that the log is not asked at the end of each. */
const REMEMBERED = 10_000;

/** A deployment follows the attempt that does it: it starts, succeeds and fails with that job. */
@Injectable()
export class DeployWithJob {
  private readonly deployNothing = new Set<string>();

  constructor(@Inject(COMMANDS) private readonly commands: Commands) {}

  async onJobAssigned(event: Recorded<ReturnType<typeof JobAssigned>>): Promise<void> {
    const { pipelineId, jobId, attempt, context } = event.data;
    const target = targetOfJob(event.data);
    if (!target) return this.remember(attemptIdOf(jobId, attempt));
    const projectId = context.project.id;
    const environmentId = derivedId('environment', projectId, target.name);
    await this.commands.handle(
      environmentStream(environmentId),
      environmentDecider,
      { type: 'UseEnvironment', environment: { environmentId, projectId, name: target.name } },
      because(event, 'deployer'),
    );
    const deployment = {
      deploymentId: deploymentIdOf(jobId, attempt),
      environmentId,
      projectId,
      environment: target.name,
      pipelineId,
      jobId,
      sha: context.sha,
      ref: context.ref.name,
      ...(target.url !== undefined && { url: target.url }),
    };
    await this.tell(event, jobId, attempt, { type: 'StartDeployment', deployment });
  }

  async onJobSucceeded(event: Recorded<ReturnType<typeof JobSucceeded>>): Promise<void> {
    const { jobId, attempt, environmentUrl } = event.data;
    const url = webAddress(environmentUrl ?? '');
    await this.tell(event, jobId, attempt, { type: 'SucceedDeployment', ...(url !== undefined && { url }) });
  }

  async onJobFailed(event: Recorded<ReturnType<typeof JobFailed>>): Promise<void> {
    const { jobId, attempt, reason, detail } = event.data;
    const text = detail === undefined ? reason : `${reason}: ${detail}`;
    await this.tell(event, jobId, attempt, { type: 'FailDeployment', because: text });
  }

  async onJobCancelled(event: Recorded<ReturnType<typeof JobCancelled>>): Promise<void> {
    const { jobId, attempt } = event.data;
    await this.tell(event, jobId, attempt, { type: 'FailDeployment', because: DEPLOYMENT_CANCELLED });
  }

  private async tell(event: RecordedEvent, jobId: string, attempt: number, command: DeploymentCommand): Promise<void> {
    if (this.deployNothing.delete(attemptIdOf(jobId, attempt))) return;
    const stream = deploymentStream(deploymentIdOf(jobId, attempt));
    await this.commands.handle(stream, deploymentDecider, command, because(event, 'deployer'));
  }

  private remember(attemptId: string): void {
    this.deployNothing.add(attemptId);
    if (this.deployNothing.size <= REMEMBERED) return;
    const [oldest] = this.deployNothing;
    this.deployNothing.delete(oldest!);
  }
}

const deploymentIdOf = (jobId: string, attempt: number): string => derivedId('deployment', attemptIdOf(jobId, attempt));
