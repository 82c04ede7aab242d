import { Body, Controller, Get, Inject, Param, Post, Req, Res, Query } from '@nestjs/common';
import { projectStream } from '@foldline/contracts';
import { COMMANDS, PORT, type Commands, type SecretBox } from '@foldline/kernel';
import { IsString, Length, Matches } from 'class-validator';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { ReadQuery } from '../http/pages.ts';
import { Describe } from '../openapi/describe.ts';
import { Idempotency } from '../triggers/idempotency.ts';
import { projectDecider } from './project.decider.ts';
import { ProjectQueries } from './project.queries.ts';

/** Segments of letters, digits, dots, underscores and hyphens, as in `production/deploy_key`. */
const VAULT_PATH = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/;

export class SecretBody {
  @IsString()
  @Length(1, 255)
  @Matches(VAULT_PATH, { message: 'path must be segments of letters, digits, dots, underscores and hyphens' })
  path!: string;

  @IsString()
  @Length(1, 65_536)
  value!: string;
}

@Controller('api/:owner/:repo/secrets')
export class SecretsController {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.secretBox) private readonly box: SecretBox,
    @Inject(Idempotency) private readonly idempotency: Idempotency,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
  ) {}

  @Post()
  @Describe('Stores a value in the vault of the project; it is sealed and never shown again', {
    answer: 'The path',
    idempotent: true,
    problems: ['limit_reached'],
  })
  async store(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Body() { path, value }: SecretBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { id: projectId } = await this.projects.named(owner, repo);
    return this.idempotency.once(request, reply, `POST secrets of ${projectId}`, async ({ cause }) => {
      const sealed = this.box.seal(value, `project:${projectId}:secret:${path}`);
      const command = { type: 'StoreSecret', projectId, path, sealed } as const;
      const { events, position } = await this.commands.handle(projectStream(projectId), projectDecider, command, cause);
      void reply.header('x-event-position', String(position));
      return { answer: { path, position }, fresh: events.length > 0 };
    });
  }

  @Get()
  @Describe('Lists the paths in the vault of the project')
  async list(@Param('owner') owner: string, @Param('repo') repo: string, @Query() _query: ReadQuery) {
    const { secrets } = await this.projects.current(owner, repo);
    return { items: secrets.map(({ path }) => ({ path })).toSorted((a, b) => (a.path < b.path ? -1 : 1)) };
  }
}
