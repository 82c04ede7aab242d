import { Body, Controller, Get, Inject, Param, Patch, Query, Req, Res } from '@nestjs/common';
import { PROCESS_MODES, projectStream, type ProcessMode, type ResourceGroupDoc } from '@foldline/contracts';
import { COMMANDS, Refusal, type Commands } from '@foldline/kernel';
import { IsIn } from 'class-validator';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { answerPage, PageQuery, ReadQuery } from '../http/pages.ts';
import { Describe } from '../openapi/describe.ts';
import { Idempotency } from '../triggers/idempotency.ts';
import { projectDecider } from './project.decider.ts';
import { ProjectQueries } from './project.queries.ts';
import { ResourceGroupQueries } from './resource-group.queries.ts';

const NAME = /^[A-Za-z0-9_/. -]{1,255}$/;

export class ResourceGroupBody {
  @IsIn(PROCESS_MODES)
  processMode!: ProcessMode;
}

const answerOf = ({ name, processMode, holder }: ResourceGroupDoc) => ({
  name,
  processMode,
  ...(holder ? { holder } : {}),
});

@Controller('api/:owner/:repo/resource-groups')
export class ResourceGroupsController {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(Idempotency) private readonly idempotency: Idempotency,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
    @Inject(ResourceGroupQueries) private readonly groups: ResourceGroupQueries,
  ) {}

  @Get()
  @Describe('Lists the resource groups of the project, with the job that holds each')
  async list(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Query() query: PageQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { id } = await this.projects.named(owner, repo);
    return answerPage(await this.groups.page(id, query), answerOf, request, reply);
  }

  @Get(':name')
  @Describe('Shows a resource group, with the job that holds it and those that wait for it')
  async show(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('name') name: string,
    @Query() _query: ReadQuery,
  ) {
    const { id: projectId } = await this.projects.named(owner, repo);
    const group = await this.groups.find(projectId, name);
    if (!group) throw new Refusal('not_found', 'no pipeline of this project had a job of such a resource group');
    const waiting = await this.groups.waitingFor(projectId, name);
    return {
      ...answerOf(group),
      waiting: waiting.map(({ id, pipelineId, name, queuedAt }) => ({ id, pipelineId, name, since: queuedAt })),
    };
  }

  @Patch(':name')
  @Describe('Says in which order the jobs of a resource group run', {
    answer: 'The resource group',
    problems: ['invalid_name', 'limit_reached'],
  })
  async configure(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('name') name: string,
    @Body() { processMode }: ResourceGroupBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    if (!NAME.test(name))
      throw new Refusal('invalid_name', 'a resource group has letters, digits, spaces and -_/. in its name');
    const { id: projectId } = await this.projects.named(owner, repo);
    const { cause } = this.idempotency.unnamed();
    const command = { type: 'ConfigureResourceGroup', projectId, group: name, processMode } as const;
    const { position } = await this.commands.handle(projectStream(projectId), projectDecider, command, cause);
    void reply.header('x-event-position', String(position));
    return { name, processMode, position };
  }
}
