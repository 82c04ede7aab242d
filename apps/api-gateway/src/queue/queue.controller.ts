import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import type { JobDoc } from '@foldline/contracts';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { answerPage, PageQuery } from '../http/pages.ts';
import { Describe } from '../openapi/describe.ts';
import { jobUrl, type Waiting } from './waiting.ts';
import { WaitingJobs } from './waiting-jobs.ts';

const answerOf = (
  { id, name, project, pipelineId, status, attempt, priority, queuedAt }: JobDoc,
  waiting: Omit<Waiting, 'runners'> | undefined,
) => ({
  id,
  name,
  project,
  pipelineId,
  status,
  attempt,
  priority,
  queuedAt,
  url: jobUrl(project, id),
  waiting,
});

/** The jobs of all projects that wait (S1-30, S1-34). */
@Controller('api/v1/queue')
export class QueueController {
  constructor(@Inject(WaitingJobs) private readonly waiting: WaitingJobs) {}

  @Get()
  @Describe(
    'Lists the jobs that wait for a runner, those of higher priority first, then those that wait for a resource group',
    {
      answer: 'Each with its position, the expected start where earlier runs tell it, and why it waits',
    },
  )
  async list(
    @Query() query: PageQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const page = await this.waiting.page(query);
    const waiting = await this.waiting.ofAll(page.items);
    return answerPage(page, (job) => answerOf(job, waiting.get(job.id)), request, reply);
  }
}
