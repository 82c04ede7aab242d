import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { COLLECTION, jobNumberOf, serviceIndexPrefix, type ServiceDeploymentDoc } from '@foldline/contracts';
import { PORT, type ReadStore } from '@foldline/kernel';
import { IsIn, IsInt, IsOptional, IsString, Length, MaxLength, Min } from 'class-validator';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { answerPage, PageQuery, readPage, ReadQuery } from '../http/pages.ts';
import { ReadYourWrites } from '../http/read-your-writes.ts';
import { IsImageName } from '../http/is-image-name.ts';
import { invalidRequest, NoBody } from '../http/validation.pipe.ts';
import { Describe } from '../openapi/describe.ts';
import { Idempotency, type RequestId } from '../triggers/idempotency.ts';
import { CancelDeployment } from './cancel-deployment.ts';
import { deploymentAnswer } from './deployment-answer.ts';
import { DeploymentRequests, type RequestedDeployment } from './deployment-requests.ts';
import { NumberedQueries } from './numbered.queries.ts';

const MAX_REASON = 1000;

export class DeployBody {
  @IsImageName()
  image_tag!: string;

  @IsOptional()
  @IsString()
  @MaxLength(MAX_REASON)
  reason?: string;
}

/** Without anything: to what ran before. */
export class RollbackBody {
  static readonly isOptional = true;

  @IsOptional()
  @IsIn(['previous'])
  to?: 'previous';

  /** A deployment. */
  @IsOptional()
  @IsInt()
  @Min(1)
  revision?: number;

  /** An image's tag, with or without its name. */
  @IsOptional()
  @IsString()
  @Length(1, 512)
  version?: string;

  @IsOptional()
  @IsString()
  @MaxLength(MAX_REASON)
  reason?: string;
}

/** What runs of services (seed 002). */
@Controller('v1/cicd')
export class DeploymentsController {
  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(Idempotency) private readonly idempotency: Idempotency,
    @Inject(NumberedQueries) private readonly numbered: NumberedQueries,
    @Inject(DeploymentRequests) private readonly requests: DeploymentRequests,
    @Inject(ReadYourWrites) private readonly writes: ReadYourWrites,
    @Inject(CancelDeployment) private readonly cancelDeployment: CancelDeployment,
  ) {}

  @Post('services/:id/deploy')
  @HttpCode(202)
  @Describe('Runs an image of a service in place of what runs now', {
    answer: 'The numbers of the deployment and of its job',
    idempotent: true,
    problems: ['read_models_behind'],
  })
  async deploy(
    @Param('id') id: string,
    @Body() { image_tag: imageTag, reason }: DeployBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    await this.writes.reachEnd();
    const service = await this.numbered.service(id);
    const work = (by: RequestId) => this.requests.deploy(service, imageTag, reason, by);
    return answerOf(await this.idempotency.once(request, reply, `POST deploy of ${service.id}`, work), reply);
  }

  @Post('services/:id/rollback')
  @HttpCode(202)
  @Describe('Runs again what ran before, as a new deployment: the previous one, a revision or a version', {
    answer: 'The numbers of the deployment and of its job, and the image',
    idempotent: true,
    problems: ['nothing_to_roll_back', 'deployment_under_way', 'read_models_behind'],
  })
  async rollBack(
    @Param('id') id: string,
    @Body() { to, revision, version, reason }: RollbackBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const targets = [to, revision, version].filter((each) => each !== undefined);
    if (targets.length > 1) throw invalidRequest([{ pointer: '', message: 'name one of to, revision and version' }]);
    await this.writes.reachEnd();
    const service = await this.numbered.service(id);
    const work = (by: RequestId) => this.requests.rollBack(service, { revision, version }, reason, by);
    return answerOf(await this.idempotency.once(request, reply, `POST rollback of ${service.id}`, work), reply);
  }

  @Get('services/:id/deployments')
  @Describe('Lists the deployments of a service, newest first')
  async list(
    @Param('id') id: string,
    @Query() query: PageQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { number } = await this.numbered.service(id);
    const prefix = serviceIndexPrefix(number);
    const list = { collection: COLLECTION.serviceDeployments, index: 'byService', prefix, reverse: true };
    const page = await readPage<ServiceDeploymentDoc>(this.reads, list, query);
    return answerPage(page, deploymentAnswer, request, reply);
  }

  @Get('deployments/:id')
  @Describe('Shows a deployment of a service')
  async show(@Param('id') id: string, @Query() _query: ReadQuery) {
    return deploymentAnswer(await this.numbered.deployment(id));
  }

  @Post('deployments/:id/cancel')
  @HttpCode(202)
  @Describe('Cancels a deployment that has not taken over; what ran before runs on', {
    answer: 'The deployment; pending: nothing has come of the wish yet',
    idempotent: true,
    problems: ['already_finished', 'read_models_behind'],
  })
  async cancel(
    @Param('id') id: string,
    @Body() _body: NoBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { doc, pending } = await this.cancelDeployment.record(id, request, reply);
    return { ...deploymentAnswer(doc), ...(pending && { pending }) };
  }
}

const answerOf = ({ number, imageTag, position }: RequestedDeployment, reply: FastifyReply) => {
  void reply.header('location', `/v1/cicd/deployments/${number}`).header('x-event-position', String(position));
  const job = jobNumberOf({ type: 'deploy', number });
  return { deployment_id: number, job_id: job, image_tag: imageTag, status: 'deploying' };
};
