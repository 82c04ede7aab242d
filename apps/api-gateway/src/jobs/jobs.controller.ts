import { Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { COLLECTION, triggerStream, type JobDoc } from '@foldline/contracts';
import { COMMANDS, PORT, Refusal, type Commands, type ReadStore } from '@foldline/kernel';
import { IsIn, IsOptional } from 'class-validator';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { answerPage, PageQuery, readPage } from '../http/pages.ts';
import { Describe } from '../openapi/describe.ts';
import { PipelineQueries } from '../pipelines/pipeline.queries.ts';
import { ProjectQueries } from '../projects/project.queries.ts';
import { projectJobIndexKey } from '../read-models/jobs.projection.ts';
import { Idempotency } from '../triggers/idempotency.ts';
import { triggerDecider } from '../triggers/trigger.decider.ts';
import { jobAnswer, jobSummary } from './job-answer.ts';
import { JobQueue } from './job.queries.ts';
import { sentenceOf, waitingOf } from './why.ts';

export const JOB_STATUSES = [
  'created',
  'manual',
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
const FINISHED = new Set(['success', 'failed', 'cancelled', 'timed_out', 'skipped']);

export class JobListQuery extends PageQuery {
  @IsOptional()
  @IsIn(JOB_STATUSES)
  status?: string;
}

@Controller('api/:owner/:repo/jobs')
export class JobsController {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(Idempotency) private readonly requests: Idempotency,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
    @Inject(PipelineQueries) private readonly pipelines: PipelineQueries,
    @Inject(JobQueue) private readonly queue: JobQueue,
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
  async show(@Param('owner') owner: string, @Param('repo') repo: string, @Param('id') id: string) {
    return jobAnswer(await this.pipelines.job(await this.projects.named(owner, repo), id));
  }

  @Get(':id/why')
  @Describe('Tells in words why the job is as it is, with every decision about it')
  async why(@Param('owner') owner: string, @Param('repo') repo: string, @Param('id') id: string) {
    const job = await this.pipelines.job(await this.projects.named(owner, repo), id);
    const waiting = waitingOf(job, await this.queue.ahead(job));
    const { name, status, why: decisions } = job;
    return { job: id, name, status, sentence: sentenceOf(job, waiting), ...(waiting ? { waiting } : {}), decisions };
  }

  @Post(':id/retry')
  @HttpCode(202)
  @Describe('Runs a finished job again', { answer: 'The wish was recorded', problems: ['not_finished'] })
  async retry(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const job = await this.pipelines.job(await this.projects.current(owner, repo), id);
    if (!FINISHED.has(job.status)) throw new Refusal('not_finished', `the job is ${job.status}`);
    return this.ask('RetryJob', job, reply);
  }

  @Post(':id/play')
  @HttpCode(202)
  @Describe('Starts a job that waits for a person', { answer: 'The wish was recorded', problems: ['not_manual'] })
  async play(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const job = await this.pipelines.job(await this.projects.current(owner, repo), id);
    if (job.status !== 'manual') throw new Refusal('not_manual', `the job is ${job.status}`);
    return this.ask('PlayJob', job, reply);
  }

  private async ask(type: 'RetryJob' | 'PlayJob', { id: jobId, pipelineId, status }: JobDoc, reply: FastifyReply) {
    const { cause } = this.requests.unnamed();
    const command = { type, pipelineId, jobId };
    const because = { ...cause, correlationId: pipelineId };
    const { position } = await this.commands.handle(triggerStream(pipelineId), triggerDecider, command, because);
    void reply.header('x-event-position', String(position));
    return { id: jobId, pipelineId, status, position };
  }
}
