import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { JobDoc, PipelineDoc, ProjectDoc } from '@foldline/contracts';
import { Refusal } from '@foldline/kernel';
import { IsOptional, IsString, Matches } from 'class-validator';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { publicEvent } from '../events/public-event.ts';
import { answerPage, DEFAULT_LIMIT, PageQuery, ReadQuery } from '../http/pages.ts';
import { jobPlan } from '../jobs/job-answer.ts';
import { Describe } from '../openapi/describe.ts';
import { ProjectQueries } from '../projects/project.queries.ts';
import { WaitingJobs } from '../queue/waiting-jobs.ts';
import { hadHappened, MOMENT } from './moment.ts';
import { linked, pipelineAnswer, pipelineETag } from './pipeline-answer.ts';
import { PipelineHistory } from './pipeline-history.ts';
import { PipelineQueries } from './pipeline.queries.ts';

export class PipelineQuery extends ReadQuery {
  /** A position, or a time of RFC 3339. */
  @IsOptional()
  @IsString()
  @Matches(MOMENT, {
    message: 'at must be a position or a time of RFC 3339',
  })
  at?: string;
}

@Controller('api/:owner/:repo/pipelines/:id')
export class PipelineController {
  constructor(
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
    @Inject(PipelineQueries) private readonly pipelines: PipelineQueries,
    @Inject(PipelineHistory) private readonly history: PipelineHistory,
    @Inject(WaitingJobs) private readonly waiting: WaitingJobs,
  ) {}

  @Get()
  @Describe('Shows a pipeline with its jobs, as it is or as it was (?at=)', {
    answer: 'The pipeline; ETag changes when it does, If-None-Match answers 304',
    problems: ['read_models_behind'],
  })
  async show(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('id') id: string,
    @Query() query: PipelineQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const project = await this.projects.named(owner, repo);
    const { pipeline, jobs } = await this.state(project, id, query.at);
    // What was waited for in the past, nobody has recorded.
    const waiting = await this.waiting.ofAll(query.at === undefined ? jobs : []);
    const etag = pipelineETag(pipeline, jobs, waiting);
    void reply.header('etag', etag);
    if (request.headers['if-none-match'] === etag) return void reply.status(304);
    return pipelineAnswer(pipeline, jobs, waiting);
  }

  @Get('plan')
  @Describe('Shows what was planned: the jobs, and why each job of the definition is or is not among them')
  async plan(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('id') id: string,
    @Query() _query: ReadQuery,
  ) {
    const pipeline = await this.pipelines.pipeline(await this.projects.named(owner, repo), id);
    const { stages, decisions, problems, included = [] } = pipeline;
    const jobs = (await this.pipelines.jobsOf(id)).map(jobPlan);
    return { id, stages, decisions, problems: linked(problems), included, jobs };
  }

  @Get('events')
  @Describe('Shows everything that was recorded about the pipeline, in order', { answer: 'A page of events' })
  async events(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('id') id: string,
    @Query() query: PageQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    await this.pipelines.pipeline(await this.projects.named(owner, repo), id);
    if (query.cursor !== undefined && !/^\d{1,15}$/.test(query.cursor))
      throw new Refusal('invalid_cursor', 'the cursor of events is the position of the last one');
    const limit = query.limit ?? DEFAULT_LIMIT;
    const all = (await this.history.events(id)).filter(({ position }) => position > Number(query.cursor ?? 0));
    const items = all.slice(0, limit);
    const nextCursor = all.length > limit ? { nextCursor: String(items.at(-1)!.position) } : {};
    return answerPage({ items, ...nextCursor }, publicEvent, request, reply);
  }

  private async state(
    project: ProjectDoc,
    id: string,
    at: string | undefined,
  ): Promise<{ pipeline: PipelineDoc; jobs: JobDoc[] }> {
    const moment = at === undefined ? undefined : hadHappened(at);
    const pipeline = await this.pipelines.pipeline(project, id);
    if (!moment) return { pipeline, jobs: await this.pipelines.jobsOf(id) };
    const then = await this.history.at(id, moment);
    if (!then.pipeline) throw new Refusal('not_found', 'there was no such pipeline yet');
    return { pipeline: then.pipeline, jobs: then.jobs };
  }
}
