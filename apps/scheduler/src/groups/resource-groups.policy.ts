import { Inject, Injectable } from '@nestjs/common';
import {
  groupStream,
  type JobAwaitsResource,
  type JobLeftResource,
  type PipelineStarted,
  type Recorded,
  type ResourceGroupConfigured,
  type ResourceGranted,
} from '@foldline/contracts';
import { COMMANDS, because, derivedId, type Commands } from '@foldline/kernel';
import { DispatchService } from '../dispatch/dispatch.service.ts';
import { groupDecider, type Group, type GroupCommand } from './group.decider.ts';

type Event<Definition extends (data: never) => unknown> = Recorded<ReturnType<Definition>>;

/** Pipelines say which of their jobs want a resource; its group says who has it, and the pipeline queues that job. */
@Injectable()
export class ResourceGroups {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(DispatchService) private readonly pipelines: DispatchService,
  ) {}

  async onPipelineStarted(event: Event<typeof PipelineStarted>): Promise<void> {
    const { pipelineId, context, plan } = event.data;
    const wanted = new Map<string, number[]>();
    for (const { resourceGroup, index } of plan.jobs) {
      if (resourceGroup === undefined) continue;
      const indexes = wanted.get(resourceGroup) ?? [];
      indexes.push(index);
      wanted.set(resourceGroup, indexes);
    }
    for (const [group, indexes] of wanted)
      await this.tell(event, { type: 'ExpectJobs', pipelineId, indexes, ...named(context.project.id, group) });
  }

  async onJobAwaitsResource(event: Event<typeof JobAwaitsResource>): Promise<void> {
    const { pipelineId, jobId, attempt, projectId, group } = event.data;
    await this.tell(event, { type: 'RequestResource', pipelineId, jobId, attempt, ...named(projectId, group) });
  }

  async onJobLeftResource(event: Event<typeof JobLeftResource>): Promise<void> {
    const { pipelineId, jobId, attempt, projectId, group } = event.data;
    await this.tell(event, { type: 'ReleaseResource', pipelineId, jobId, attempt, ...named(projectId, group) });
  }

  async onConfigured(event: Event<typeof ResourceGroupConfigured>): Promise<void> {
    const { projectId, group, processMode } = event.data;
    await this.tell(event, { type: 'SetProcessMode', processMode, ...named(projectId, group) });
  }

  async onGranted(event: Event<typeof ResourceGranted>): Promise<void> {
    const { pipelineId, jobId, attempt, group } = event.data;
    await this.pipelines.handle(
      pipelineId,
      { type: 'GrantResource', jobId, attempt, group },
      because(event, 'scheduler'),
    );
  }

  /** What a group decides belongs to no pipeline alone. */
  private async tell(event: Parameters<typeof because>[0], command: GroupCommand): Promise<void> {
    const { id, actor } = because(event, 'scheduler');
    await this.commands.handle(groupStream(command.groupId), groupDecider, command, { id, actor });
  }
}

const named = (projectId: string, group: string): Group => ({
  groupId: derivedId('resource group', projectId, group),
  projectId,
  group,
});
