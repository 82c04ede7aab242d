import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Req, Res, Query } from '@nestjs/common';
import { projectStream } from '@foldline/contracts';
import { COMMANDS, PORT, Refusal, type Commands, type SecretBox } from '@foldline/kernel';
import { IsBoolean, IsOptional, IsString, Length, MaxLength } from 'class-validator';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { ReadQuery } from '../http/pages.ts';
import { Describe } from '../openapi/describe.ts';
import { Idempotency } from '../triggers/idempotency.ts';
import { invalidVariable, variableNameProblem, variableValueProblem } from '../triggers/variable-rules.ts';
import { projectDecider } from './project.decider.ts';
import { ProjectQueries } from './project.queries.ts';

export const MASKABLE_LENGTH = 8;

export class VariableBody {
  @IsString()
  @Length(1, 255)
  key!: string;

  @IsString()
  @MaxLength(65_536)
  value!: string;

  @IsOptional()
  @IsBoolean()
  protected?: boolean;

  @IsOptional()
  @IsBoolean()
  masked?: boolean;
}

/** Why a value cannot be hidden in logs: a short one would hide half the text, one of several lines is never seen whole. */
const maskProblem = (value: string): string | undefined => {
  if (value.length < MASKABLE_LENGTH) return `a masked value has at least ${MASKABLE_LENGTH} characters`;
  return /[\r\n]/.test(value) ? 'a masked value is one line' : undefined;
};

const check = ({ key, value, masked }: VariableBody): void => {
  const name = variableNameProblem(key);
  if (name) throw invalidVariable([{ pointer: '/key', message: name }]);
  const content = variableValueProblem(value);
  if (content) throw invalidVariable([{ pointer: '/value', message: content }]);
  const message = masked ? maskProblem(value) : undefined;
  if (message) throw new Refusal('not_maskable', message, { errors: [{ pointer: '/value', message }] });
};

@Controller('api/:owner/:repo/variables')
export class VariablesController {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.secretBox) private readonly box: SecretBox,
    @Inject(Idempotency) private readonly idempotency: Idempotency,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
  ) {}

  @Post()
  @Describe('Sets a variable of the project; its value is sealed and never shown again', {
    answer: 'The variable without its value',
    idempotent: true,
    problems: ['invalid_variable', 'not_maskable', 'limit_reached'],
  })
  async set(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Body() body: VariableBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    check(body);
    const { id: projectId } = await this.projects.named(owner, repo);
    const { key, value } = body;
    const flags = { protected: body.protected ?? false, masked: body.masked ?? false };
    return this.idempotency.once(request, reply, `POST variables of ${projectId}`, async ({ cause }) => {
      const sealed = this.box.seal(value, `project:${projectId}:variable:${key}`);
      const command = { type: 'SetVariable', projectId, key, sealed, ...flags } as const;
      const { events, position } = await this.commands.handle(projectStream(projectId), projectDecider, command, cause);
      void reply.header('x-event-position', String(position));
      return { answer: { key, ...flags, position }, fresh: events.length > 0 };
    });
  }

  @Get()
  @Describe('Lists the variables of the project, without their values')
  async list(@Param('owner') owner: string, @Param('repo') repo: string, @Query() _query: ReadQuery) {
    const { variables } = await this.projects.current(owner, repo);
    return {
      items: variables
        .map(({ key, protected: isProtected, masked }) => ({ key, protected: isProtected, masked }))
        .toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    };
  }

  @Delete(':key')
  @HttpCode(204)
  @Describe('Removes a variable of the project')
  async remove(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('key') key: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const { id: projectId } = await this.projects.named(owner, repo);
    const { cause } = this.idempotency.unnamed();
    const command = { type: 'RemoveVariable', projectId, key } as const;
    const { position } = await this.commands.handle(projectStream(projectId), projectDecider, command, cause);
    void reply.header('x-event-position', String(position));
  }
}
