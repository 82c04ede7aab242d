import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { COLLECTION, type DeploymentDoc, type EnvironmentDoc, type NotificationDoc } from '@foldline/contracts';
import { PORT, type Document, type ReadStore } from '@foldline/kernel';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { answerPage, PageQuery, readPage } from '../http/pages.ts';
import { Describe } from '../openapi/describe.ts';
import { ProjectQueries } from '../projects/project.queries.ts';

/** What pipelines caused outside: environments, deployments and messages. */
@Controller('api/:owner/:repo')
export class DeliveryController {
  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
  ) {}

  @Get('environments')
  @Describe('Lists the environments of the project and what runs in each')
  environments(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Query() query: PageQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.page<EnvironmentDoc>(COLLECTION.environments, [owner, repo], query, request, reply);
  }

  @Get('deployments')
  @Describe('Lists the deployments of the project, newest first')
  deployments(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Query() query: PageQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.page<DeploymentDoc>(COLLECTION.deployments, [owner, repo], query, request, reply);
  }

  @Get('notifications')
  @Describe('Lists the messages of the project and their delivery, newest first')
  notifications(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Query() query: PageQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.page<NotificationDoc>(COLLECTION.notifications, [owner, repo], query, request, reply);
  }

  private async page<Doc extends Document>(
    collection: string,
    [owner, repo]: [string, string],
    query: PageQuery,
    request: FastifyRequest,
    reply: FastifyReply,
  ) {
    const { id } = await this.projects.named(owner, repo);
    const list = { collection, index: 'byProject', prefix: `${id}/`, reverse: collection !== COLLECTION.environments };
    return answerPage(await readPage<Doc>(this.reads, list, query), (doc) => doc, request, reply);
  }
}
