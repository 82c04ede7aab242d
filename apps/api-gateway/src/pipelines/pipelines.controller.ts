import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { COLLECTION, type PipelineDoc, type ProjectDoc } from '@foldline/contracts';
import { derivedId, PORT, Refusal, type ReadStore } from '@foldline/kernel';
import { IsIn, IsObject, IsOptional, IsString, Length, MaxLength } from 'class-validator';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { answerPage, PageQuery, readPage } from '../http/pages.ts';
import { ReadYourWrites } from '../http/read-your-writes.ts';
import { NoBody } from '../http/validation.pipe.ts';
import { Describe } from '../openapi/describe.ts';
import { ProjectQueries } from '../projects/project.queries.ts';
import { pipelineIndexKey } from '@foldline/read-models';
import { Admission } from '../triggers/admission.ts';
import { Idempotency, type Done, type RequestId } from '../triggers/idempotency.ts';
import { PipelineRequests, type RequestedPipeline } from '../triggers/pipeline-requests.ts';
import { PipelineWishes } from '../triggers/pipeline-wishes.ts';
import { checkedVariables } from '../triggers/variable-rules.ts';
import { pipelineSummary, pipelineUrl } from './pipeline-answer.ts';
import { PipelineQueries } from './pipeline.queries.ts';

export const PIPELINE_STATUSES = [
  'created',
  'running',
  'cancelling',
  'manual',
  'delayed',
  'success',
  'failed',
  'cancelled',
  'timed_out',
  'skipped',
] as const;
const ENDED = new Set(['success', 'failed', 'cancelled', 'timed_out', 'skipped']);

export class TriggerPipelineBody {
  @IsString()
  @Length(1, 255)
  ref!: string;

  @IsOptional()
  @IsObject()
  variables?: Record<string, unknown>;
}

export class PipelineListQuery extends PageQuery {
  @IsOptional()
  @IsIn(PIPELINE_STATUSES)
  status?: string;

  @IsOptional()
  @IsString()
  @MaxLength(255)
  ref?: string;
}

@Controller('api/:owner/:repo/pipelines')
export class PipelinesController {
  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(Idempotency) private readonly idempotency: Idempotency,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
    @Inject(PipelineQueries) private readonly pipelines: PipelineQueries,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(PipelineRequests) private readonly requests: PipelineRequests,
    @Inject(PipelineWishes) private readonly wishes: PipelineWishes,
    @Inject(ReadYourWrites) private readonly writes: ReadYourWrites,
  ) {}

  @Post()
  @HttpCode(202)
  @Describe('Starts a pipeline at a branch, tag or commit', {
    answer: 'The accepted request; Location tells where its state is',
    idempotent: true,
    problems: [
      'unknown_ref',
      'invalid_ref',
      'invalid_variable',
      'repository_unreachable',
      'queue_full',
      'read_models_behind',
    ],
  })
  async trigger(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Body() body: TriggerPipelineBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const project = await this.projects.current(owner, repo);
    const work = (by: RequestId) => this.requested(project, body, by);
    const { id, ref, sha, position } = await this.idempotency.once(
      request,
      reply,
      `POST pipelines of ${project.id}`,
      work,
    );
    const url = pipelineUrl({ owner: project.owner, project: project.name, id });
    void reply.header('location', url).header('x-event-position', String(position));
    return { id, status: 'created', ref, sha, url, position };
  }

  @Get()
  @Describe('Lists the pipelines of the project, newest first')
  async list(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Query() query: PipelineListQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { id } = await this.projects.named(owner, repo);
    const { status, ref } = query;
    const keep = (doc: PipelineDoc) => (status ?? doc.status) === doc.status && (ref ?? doc.ref) === doc.ref;
    const page = await readPage<PipelineDoc>(
      this.reads,
      {
        collection: COLLECTION.pipelines,
        index: 'byProject',
        prefix: `${id}/`,
        reverse: true,
        ...(status || ref ? { filter: { keep, keyOf: (doc) => pipelineIndexKey(doc.projectId, doc.position) } } : {}),
      },
      query,
    );
    return answerPage(page, pipelineSummary, request, reply);
  }

  @Post(':id/cancel')
  @HttpCode(202)
  @Describe('Cancels a pipeline that still runs', {
    answer: 'What came of the wish, and the position that shows it; pending: nothing has yet',
    idempotent: true,
    problems: ['already_finished'],
  })
  async cancel(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('id') pipelineId: string,
    @Body() _body: NoBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const project = await this.projects.named(owner, repo);
    void reply.header('location', pipelineUrl(await this.pipelines.pipeline(project, pipelineId)));
    const wish = { type: 'CancelPipeline', pipelineId } as const;
    const { position, pending } = await this.wishes.record(request, reply, wish, async () => {
      await this.writes.reachEnd();
      const { status } = await this.pipelines.pipeline(project, pipelineId);
      if (ENDED.has(status)) throw new Refusal('already_finished', `the pipeline has ended: ${status}`);
    });
    const { status } = await this.pipelines.pipeline(project, pipelineId);
    return { id: pipelineId, status, position, ...(pending ? { pending } : {}) };
  }

  private async requested(
    project: ProjectDoc,
    { ref, variables }: TriggerPipelineBody,
    by: RequestId,
  ): Promise<Done<RequestedPipeline>> {
    const checked = checkedVariables(variables ?? {});
    const pipelineId = by.keyed ? derivedId(project.id, by.id) : by.id;
    const known = by.keyed ? await this.requests.stored(pipelineId) : undefined;
    if (known) return { answer: known, fresh: false };
    await this.admission.pipeline(project.id);
    const resolved = await this.requests.resolve(project, ref);
    const wanted = { pipelineId, ...resolved, source: 'api', variables: checked } as const;
    const answer = await this.requests.request(project, wanted, by.cause);
    return { answer, fresh: answer.fresh };
  }
}
