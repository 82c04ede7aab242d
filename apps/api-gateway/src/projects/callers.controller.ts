import { Body, Controller, Get, Inject, Param, Put, Query, Res } from '@nestjs/common';
import { projectStream } from '@foldline/contracts';
import { COMMANDS, type Commands } from '@foldline/kernel';
import { ArrayMaxSize, IsArray, IsString, Length } from 'class-validator';
import type { FastifyReply } from '../http/fastify.ts';
import { ReadQuery } from '../http/pages.ts';
import { Describe } from '../openapi/describe.ts';
import { Idempotency } from '../triggers/idempotency.ts';
import { MAX_CALLERS, distinctCallers, projectDecider } from './project.decider.ts';
import { ProjectQueries } from './project.queries.ts';

export class CallersBody {
  @IsArray()
  @ArrayMaxSize(MAX_CALLERS)
  @IsString({ each: true })
  @Length(3, 201, { each: true })
  callers!: string[];
}

/** Which other projects may start pipelines of this one and include its files. */
@Controller('api/:owner/:repo/callers')
export class CallersController {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(Idempotency) private readonly idempotency: Idempotency,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
  ) {}

  @Get()
  @Describe('Shows which other projects may start pipelines of this one and include its files')
  async show(@Param('owner') owner: string, @Param('repo') repo: string, @Query() _query: ReadQuery) {
    const { callers = [] } = await this.projects.named(owner, repo);
    return { callers };
  }

  @Put()
  @Describe('Says which other projects may start pipelines of this one and include its files', {
    answer: 'Those projects',
    problems: ['invalid_name'],
  })
  async set(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Body() { callers }: CallersBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { id: projectId } = await this.projects.named(owner, repo);
    const { cause } = this.idempotency.unnamed();
    const command = { type: 'SetCallers', projectId, callers } as const;
    const { position } = await this.commands.handle(projectStream(projectId), projectDecider, command, cause);
    void reply.header('x-event-position', String(position));
    return { callers: distinctCallers(callers), position };
  }
}
