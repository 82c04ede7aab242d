import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { COLLECTION, type JobDoc, type ProjectDoc, type Resume } from '@foldline/contracts';
import { PORT, type ReadStore } from '@foldline/kernel';
import { IsIn, IsOptional } from 'class-validator';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { answerPage, PageQuery, ReadQuery, readPage } from '../http/pages.ts';
import { problemType } from '../http/problem-codes.ts';
import { ReadYourWrites } from '../http/read-your-writes.ts';
import { NoBody } from '../http/validation.pipe.ts';
import { Describe } from '../openapi/describe.ts';
import { PipelineQueries } from '../pipelines/pipeline.queries.ts';
import { ProjectQueries } from '../projects/project.queries.ts';
import { WaitingJobs } from '../queue/waiting-jobs.ts';
import { projectJobIndexKey } from '@foldline/read-models';
import { PipelineWishes } from '../triggers/pipeline-wishes.ts';
import { jobAnswer, jobSummary } from './job-answer.ts';
import { judgeJobWish, type JobWish } from './job-wishes.policy.ts';
import { RetryBody, refuseStep, resumeOf } from './retry-body.ts';
import { decisionsOf, sentenceOf } from './why.ts';

const WISH_ANSWER = 'What came of the wish, and the position that shows it; pending: nothing has yet';

export const JOB_STATUSES = [
  'created',
  'manual',
  'delayed',
  'waiting_for_resource',
  'queued',
  'assigned',
  'running',
  'finishing',
  'success',
  'failed',
  'cancelled',
  'timed_out',
  'skipped',
] as const;

export class JobListQuery extends PageQuery {
  @IsOptional()
  @IsIn(JOB_STATUSES)
  status?: string;
}

@Controller('api/:owner/:repo/jobs')
export class JobsController {
  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PipelineWishes) private readonly wishes: PipelineWishes,
    @Inject(ReadYourWrites) private readonly writes: ReadYourWrites,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
    @Inject(PipelineQueries) private readonly pipelines: PipelineQueries,
    @Inject(WaitingJobs) private readonly waiting: WaitingJobs,
  ) {}

  @Get()
  @Describe('Lists the jobs of the project, newest pipelines first')
  async list(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Query() query: JobListQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { id } = await this.projects.named(owner, repo);
    const list = { collection: COLLECTION.jobs, index: 'byProject', prefix: `${id}/`, reverse: true };
    const filter = { keep: (doc: JobDoc) => doc.status === query.status, keyOf: projectJobIndexKey };
    const page = await readPage<JobDoc>(this.reads, { ...list, ...(query.status ? { filter } : {}) }, query);
    return answerPage(page, jobSummary, request, reply);
  }

  @Get(':id')
  @Describe('Shows a job with the steps of its attempts')
  async show(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('id') id: string,
    @Query() _query: ReadQuery,
  ) {
    const job = await this.pipelines.job(await this.projects.named(owner, repo), id);
    const waiting = await this.waiting.of(job);
    return { ...jobAnswer(job), ...(waiting ? { waiting } : {}) };
  }

  @Get(':id/why')
  @Describe('Tells in words why the job is as it is, with every decision about it')
  async why(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('id') id: string,
    @Query() _query: ReadQuery,
  ) {
    const project = await this.projects.named(owner, repo);
    const job = await this.pipelines.job(project, id);
    const waiting = await this.waiting.of(job);
    const { name, status, pipelineId } = job;
    const decisions = decisionsOf(job, await this.pipelines.pipeline(project, pipelineId));
    const reason = job.reason ? { reason: job.reason, type: problemType(job.reason) } : {};
    const sentence = sentenceOf({ ...job, why: decisions }, waiting);
    return { job: id, name, status, sentence, ...reason, ...(waiting ? { waiting } : {}), decisions };
  }

  @Post(':id/retry')
  @HttpCode(202)
  @Describe('Runs a finished job again', {
    answer: WISH_ANSWER,
    idempotent: true,
    problems: ['not_finished', 'job_skipped', 'pipeline_cancelling'],
  })
  async retry(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('id') id: string,
    @Body() body: RetryBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const wish = { type: 'RetryJob', ...resumeOf(body) } as const;
    return this.ask(wish, await this.projects.named(owner, repo), id, request, reply);
  }

  @Post(':id/play')
  @HttpCode(202)
  @Describe('Starts a job that waits for a person, or for its time', {
    answer: WISH_ANSWER,
    idempotent: true,
    problems: ['not_manual'],
  })
  async play(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('id') id: string,
    @Body() _body: NoBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.ask({ type: 'PlayJob' }, await this.projects.named(owner, repo), id, request, reply);
  }

  private async ask(
    wish: { type: JobWish; resume?: Resume },
    project: ProjectDoc,
    jobId: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ) {
    const { pipelineId } = await this.pipelines.job(project, jobId);
    const { position, pending } = await this.wishes.record(request, reply, { ...wish, pipelineId, jobId }, async () => {
      await this.writes.reachEnd();
      const job = await this.pipelines.job(project, jobId);
      judgeJobWish(wish.type, job, await this.pipelines.pipeline(project, pipelineId));
      refuseStep(wish.resume, job);
    });
    const { status, attempt } = await this.pipelines.job(project, jobId);
    return { id: jobId, pipelineId, status, attempt, position, ...(pending ? { pending } : {}) };
  }
}
