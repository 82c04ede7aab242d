import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { COLLECTION, jobNumberOf, serviceIndexPrefix, type BuildDoc } from '@foldline/contracts';
import { PORT, Refusal, type ReadStore } from '@foldline/kernel';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { answerPage, PageQuery, readPage, ReadQuery } from '../http/pages.ts';
import { ReadYourWrites } from '../http/read-your-writes.ts';
import { NoBody } from '../http/validation.pipe.ts';
import { LogAnswers, LogQuery } from '../logs/log-answers.ts';
import { Describe } from '../openapi/describe.ts';
import { NumberedQueries } from '../services/numbered.queries.ts';
import { StartBuildBody } from '../services/service-bodies.ts';
import { Idempotency, type RequestId } from '../triggers/idempotency.ts';
import { buildAnswer } from './build-answer.ts';
import { BuildQueries } from './build.queries.ts';
import { BuildRequests } from './build-requests.ts';
import { CancelBuild } from './cancel-build.ts';

/** Image builds of services (seed 002). */
@Controller('v1/cicd')
export class BuildsController {
  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(Idempotency) private readonly idempotency: Idempotency,
    @Inject(NumberedQueries) private readonly numbered: NumberedQueries,
    @Inject(BuildRequests) private readonly requests: BuildRequests,
    @Inject(BuildQueries) private readonly builds: BuildQueries,
    @Inject(CancelBuild) private readonly cancelBuild: CancelBuild,
    @Inject(ReadYourWrites) private readonly writes: ReadYourWrites,
    @Inject(LogAnswers) private readonly logs: LogAnswers,
  ) {}

  @Post('services/:id/build')
  @HttpCode(202)
  @Describe('Builds the image of a service, at its branch or at another ref', {
    answer: 'The numbers of the build and of its job',
    idempotent: true,
    problems: [
      'unknown_ref',
      'invalid_ref',
      'invalid_url',
      'repository_unreachable',
      'queue_full',
      'read_models_behind',
    ],
  })
  async start(
    @Param('id') id: string,
    @Body() body: StartBuildBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    // It is built as it is now, with the variables that its project has now.
    await this.writes.reachEnd();
    const service = await this.numbered.service(id);
    const work = (by: RequestId) => this.requests.start(service, body, by);
    const { build, position } = await this.idempotency.once(request, reply, `POST build of ${service.id}`, work);
    void reply.header('location', `/v1/cicd/builds/${build}`).header('x-event-position', String(position));
    return { build_id: build, job_id: jobNumberOf({ type: 'build', number: build }), status: 'queued' };
  }

  @Get('services/:id/builds')
  @Describe('Lists the builds of a service, newest first')
  async list(
    @Param('id') id: string,
    @Query() query: PageQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { number } = await this.numbered.service(id);
    const list = {
      collection: COLLECTION.builds,
      index: 'byService',
      prefix: serviceIndexPrefix(number),
      reverse: true,
    };
    const page = await readPage<BuildDoc>(this.reads, list, query);
    const items = await Promise.all(page.items.map((doc) => this.answer(doc)));
    return answerPage({ ...page, items }, (item) => item, request, reply);
  }

  @Get('builds/:id')
  @Describe('Shows a build')
  async show(@Param('id') id: string, @Query() _query: ReadQuery) {
    return this.answer(await this.numbered.build(id));
  }

  @Get('builds/:id/logs')
  @Describe('Sends the log of a build: as it is, following it until it ends, or as server-sent events', {
    answer: 'The output as it came; X-Log-Complete says whether more may follow',
    produces: ['text/plain', 'text/event-stream'],
    problems: ['range_not_satisfiable'],
  })
  async log(
    @Param('id') id: string,
    @Query() query: LogQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const job = await this.builds.job(await this.numbered.build(id));
    if (!job) throw new Refusal('not_found', 'the build was not begun, or was refused: it has no log');
    await this.logs.answer(job, query, request, reply);
  }

  @Post('builds/:id/cancel')
  @HttpCode(202)
  @Describe('Cancels a build that goes on', {
    answer: 'The build; pending: nothing has come of the wish yet',
    idempotent: true,
    problems: ['already_finished'],
  })
  async cancel(
    @Param('id') id: string,
    @Body() _body: NoBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { doc, pending } = await this.cancelBuild.record(id, request, reply);
    return { ...(await this.answer(doc)), ...(pending && { pending }) };
  }

  private async answer(build: BuildDoc) {
    return buildAnswer(build, await this.builds.standing(build));
  }
}
