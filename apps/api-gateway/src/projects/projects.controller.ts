import { Body, Controller, Get, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { COLLECTION, type ProjectDoc } from '@foldline/contracts';
import { PORT, type ReadStore } from '@foldline/kernel';
import { IsString, Length } from 'class-validator';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { answerPage, PageQuery, readPage, ReadQuery } from '../http/pages.ts';
import { Describe } from '../openapi/describe.ts';
import { Idempotency, type RequestId } from '../triggers/idempotency.ts';
import { ProjectRegistration } from './project-registration.ts';
import { ProjectQueries } from './project.queries.ts';

export class RegisterProjectBody {
  @IsString()
  @Length(1, 100)
  owner!: string;

  @IsString()
  @Length(1, 100)
  name!: string;

  @IsString()
  @Length(1, 2048)
  url!: string;
}

const answerOf = ({ id, owner, name, url, defaultBranch, registeredAt, position }: ProjectDoc) => ({
  id,
  owner,
  name,
  url,
  defaultBranch,
  registeredAt,
  position,
});

@Controller('api/v1/projects')
export class ProjectsController {
  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(ProjectRegistration) private readonly registration: ProjectRegistration,
    @Inject(Idempotency) private readonly idempotency: Idempotency,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
  ) {}

  @Post()
  @Describe('Registers a git repository as a project', {
    answer: 'The project',
    idempotent: true,
    problems: ['project_exists', 'invalid_name', 'invalid_url', 'repository_unreachable', 'empty_repository'],
  })
  async register(
    @Body() body: RegisterProjectBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const work = ({ cause }: RequestId) => this.registration.register(body, cause);
    const answer = await this.idempotency.once(request, reply, 'POST /api/v1/projects', work);
    void reply
      .header('location', `/api/v1/projects/${answer.owner}/${answer.name}`)
      .header('x-event-position', String(answer.position));
    return answer;
  }

  @Get()
  @Describe('Lists the projects by name')
  async list(
    @Query() query: PageQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const page = await readPage<ProjectDoc>(this.reads, { collection: COLLECTION.projects, index: 'byName' }, query);
    return answerPage(page, answerOf, request, reply);
  }

  @Get(':owner/:repo')
  @Describe('Shows a project')
  async show(@Param('owner') owner: string, @Param('repo') repo: string, @Query() _query: ReadQuery) {
    return answerOf(await this.projects.named(owner, repo));
  }
}
