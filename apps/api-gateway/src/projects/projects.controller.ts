import { Body, Controller, Get, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { COLLECTION, projectStream, type ProjectDoc } from '@foldline/contracts';
import { COMMANDS, PORT, Refusal, type Commands, type ReadStore, type SourceRepository } from '@foldline/kernel';
import { IsString, Length } from 'class-validator';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { answerPage, PageQuery, readPage, ReadQuery } from '../http/pages.ts';
import { Describe } from '../openapi/describe.ts';
import { Idempotency, type Done, type RequestId } from '../triggers/idempotency.ts';
import { isName, isOwner, projectIdOf } from './project-names.ts';
import { projectDecider } from './project.decider.ts';
import { ProjectQueries } from './project.queries.ts';
import { refuseCredentials } from './refuse-credentials.ts';

const FALLBACK_BRANCH = 'main';

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

type Registered = Pick<ProjectDoc, 'id' | 'owner' | 'name' | 'url' | 'defaultBranch' | 'position'>;

@Controller('api/v1/projects')
export class ProjectsController {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.sourceRepository) private readonly source: SourceRepository,
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
    const work = (by: RequestId) => this.registered(body, by);
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

  private async registered({ owner, name, url }: RegisterProjectBody, by: RequestId): Promise<Done<Registered>> {
    const projectId = projectIdOf(owner, name);
    const defaultBranch = isOwner(owner) && isName(name) ? await this.defaultBranch(url) : '';
    const command = { type: 'RegisterProject', projectId, owner, name, url, defaultBranch } as const;
    const { events, position } = await this.commands.handle(
      projectStream(projectId),
      projectDecider,
      command,
      by.cause,
    );
    if (events.length > 0) return { answer: { id: projectId, owner, name, url, defaultBranch, position }, fresh: true };
    const { registeredAt: _at, ...known } = answerOf(await this.projects.current(owner, name));
    return { answer: known, fresh: false };
  }

  /** HEAD of the repository; one whose HEAD points nowhere may still have a main branch. */
  private async defaultBranch(url: string): Promise<string> {
    refuseCredentials(url, '/url');
    const branch = await this.source.defaultBranch(url);
    if (branch !== undefined) return branch;
    if (await this.source.resolveRef(url, FALLBACK_BRANCH)) return FALLBACK_BRANCH;
    throw new Refusal('empty_repository', 'the repository has no branch yet');
  }
}
