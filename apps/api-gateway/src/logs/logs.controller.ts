import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { Describe } from '../openapi/describe.ts';
import { PipelineQueries } from '../pipelines/pipeline.queries.ts';
import { ProjectQueries } from '../projects/project.queries.ts';
import { LogAnswers, LogQuery } from './log-answers.ts';

@Controller('api/:owner/:repo/jobs/:id/logs')
export class LogsController {
  constructor(
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
    @Inject(PipelineQueries) private readonly pipelines: PipelineQueries,
    @Inject(LogAnswers) private readonly logs: LogAnswers,
  ) {}

  @Get()
  @Describe('Sends the log of a job: as it is, following it until it ends, or as server-sent events', {
    answer: 'The output as it came; X-Log-Complete says whether more may follow',
    produces: ['text/plain', 'text/event-stream'],
    problems: ['range_not_satisfiable', 'log_pruned'],
  })
  async show(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('id') id: string,
    @Query() query: LogQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const job = await this.pipelines.job(await this.projects.named(owner, repo), id);
    await this.logs.answer(job, query, request, reply);
  }
}
