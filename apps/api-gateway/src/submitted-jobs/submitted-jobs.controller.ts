import { Body, Controller, Get, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { jobIdOf } from '@foldline/contracts';
import { PORT, Refusal, type Ids } from '@foldline/kernel';
import { IsIn, IsOptional, IsString, Length } from 'class-validator';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { answerPage, PageQuery, ReadQuery } from '../http/pages.ts';
import { ReadYourWrites } from '../http/read-your-writes.ts';
import { lastEventId } from '../http/server-sent-events.ts';
import { RetryBody, refuseStep, resumeOf } from '../jobs/retry-body.ts';
import { refusePruned } from '../logs/job-logs.ts';
import { Describe } from '../openapi/describe.ts';
import { WaitingJobs } from '../queue/waiting-jobs.ts';
import { Idempotency, type RequestId } from '../triggers/idempotency.ts';
import { PipelineWishes } from '../triggers/pipeline-wishes.ts';
import { JobSubmissions } from './job-submissions.ts';
import { SubmitJobBody, submittedJobOf } from './submit-job-body.ts';
import { submittedJobAnswer, submittedJobSummary } from './submitted-job-answer.ts';
import { hasEnded, SUBMITTED_STATUSES, type SubmittedStatus } from './submitted-job-standing.ts';
import { SubmittedJobStream } from './submitted-job-stream.ts';
import { SubmittedJobQueries } from './submitted-job.queries.ts';

export class JobQuery extends ReadQuery {
  @IsString()
  @Length(1, 128)
  id!: string;
}

export class CancelJobBody {
  @IsString()
  @Length(1, 128)
  jobId!: string;
}

export class RetryJobBody extends RetryBody {
  static override readonly isOptional: boolean = false;

  @IsString()
  @Length(1, 128)
  jobId!: string;
}

export class SubmittedListQuery extends PageQuery {
  @IsOptional()
  @IsIn(SUBMITTED_STATUSES)
  status?: SubmittedStatus;
}

/** Jobs that are submitted by themselves (seed 001). */
@Controller('jobs')
export class SubmittedJobsController {
  constructor(
    @Inject(PORT.ids) private readonly ids: Ids,
    @Inject(Idempotency) private readonly idempotency: Idempotency,
    @Inject(PipelineWishes) private readonly wishes: PipelineWishes,
    @Inject(ReadYourWrites) private readonly writes: ReadYourWrites,
    @Inject(JobSubmissions) private readonly submissions: JobSubmissions,
    @Inject(SubmittedJobQueries) private readonly jobs: SubmittedJobQueries,
    @Inject(WaitingJobs) private readonly waiting: WaitingJobs,
    @Inject(SubmittedJobStream) private readonly stream: SubmittedJobStream,
  ) {}

  @Post('submit')
  @HttpCode(202)
  @Describe('Submits a job: commands that run one after the other at a commit of a repository', {
    answer: 'The id of the job; the same job submitted again is the first one',
    idempotent: true,
    problems: [
      'job_id_taken',
      'unknown_ref',
      'invalid_ref',
      'invalid_url',
      'invalid_name',
      'project_exists',
      'repository_unreachable',
      'empty_repository',
      'queue_full',
      'read_models_behind',
    ],
  })
  async submit(
    @Body() body: SubmitJobBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { id, pipelineId, position, fresh } = await this.idempotency.once(request, reply, 'POST /jobs/submit', (by) =>
      this.submitted(body, by),
    );
    void reply.header('location', `/jobs/status?id=${id}`).header('x-event-position', String(position));
    return { id, status: fresh ? 'queued' : (await this.jobs.named(id)).standing.status, pipelineId };
  }

  private async submitted(body: SubmitJobBody, { id: requestId, keyed, cause }: RequestId) {
    const id = body.id ?? (keyed ? requestId : this.ids.next());
    const answer = await this.submissions.submit(submittedJobOf(id, body), body.repo, cause);
    return { answer: { id, ...answer }, fresh: answer.fresh };
  }

  @Get()
  @Describe('Lists submitted jobs, newest first')
  async list(
    @Query() query: SubmittedListQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return answerPage(await this.jobs.page(query.status, query), submittedJobSummary, request, reply);
  }

  @Get('status')
  @Describe('Shows a submitted job with its steps, and what it waits for', {
    answer: 'Times are milliseconds since 1970, durations are milliseconds; of long output the end is shown',
  })
  async status(@Query() { id }: JobQuery) {
    const found = await this.jobs.named(id);
    const log = await this.jobs.log(found);
    const outputs = log ? await Promise.all(found.standing.steps.map((step) => this.jobs.output(step, log))) : [];
    const [pipeline, waiting] = await Promise.all([
      this.jobs.pipeline(found.submitted),
      found.job && this.waiting.of(found.job),
    ]);
    return submittedJobAnswer(found, outputs, { pipeline, waiting });
  }

  @Get('logs')
  @Describe('Streams the output of a submitted job as server-sent events until it has ended', {
    answer: 'Events of type log, {attempt, offset, text}, and at last one of type end, {status}',
    produces: ['text/event-stream'],
    problems: ['log_pruned'],
  })
  async log(@Query() { id }: JobQuery, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { job } = await this.jobs.named(id);
    if (job) refusePruned(job, job.attempt);
    await this.stream.answer(id, lastEventId(request), reply);
  }

  @Post('cancel')
  @HttpCode(202)
  @Describe('Cancels a submitted job, whether it waits or runs', {
    answer: 'The job; pending: nothing has come of the wish yet',
    idempotent: true,
    problems: ['already_finished'],
  })
  async cancel(
    @Body() { jobId }: CancelJobBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { submitted } = await this.jobs.named(jobId);
    const wish = { type: 'CancelPipeline', pipelineId: submitted.id } as const;
    const { pending } = await this.wishes.record(request, reply, wish, async () => {
      await this.writes.reachEnd();
      const { standing } = await this.jobs.named(jobId);
      if (hasEnded(standing.status)) throw new Refusal('already_finished', `the job has ended: ${standing.status}`);
    });
    return { ...submittedJobSummary(await this.jobs.named(jobId)), ...(pending && { pending }) };
  }

  @Post('retry')
  @HttpCode(202)
  @Describe('Runs a submitted job again that has ended', {
    answer: 'The job; pending: nothing has come of the wish yet',
    idempotent: true,
    problems: ['not_finished', 'job_skipped'],
  })
  async retry(
    @Body() { jobId, ...body }: RetryJobBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { submitted } = await this.jobs.named(jobId);
    const { id: pipelineId } = submitted;
    const wish = { type: 'RetryJob', pipelineId, jobId: jobIdOf(pipelineId, 0), ...resumeOf(body) } as const;
    const { pending } = await this.wishes.record(request, reply, wish, async () => {
      await this.writes.reachEnd();
      const { job, standing } = await this.jobs.named(jobId);
      if (!hasEnded(standing.status)) throw new Refusal('not_finished', `the job is ${standing.status}`);
      if (!job || job.status === 'skipped') throw new Refusal('job_skipped', 'the job never ran');
      refuseStep(wish.resume, job);
    });
    return { ...submittedJobSummary(await this.jobs.named(jobId)), ...(pending && { pending }) };
  }
}
