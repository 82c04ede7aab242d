import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { EVERYWHERE, projectStream, variableSeal, type VariableSet } from '@foldline/contracts';
import { COMMANDS, PORT, type Commands, type SecretBox } from '@foldline/kernel';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { ReadQuery } from '../http/pages.ts';
import { Describe } from '../openapi/describe.ts';
import { Idempotency } from '../triggers/idempotency.ts';
import { projectDecider } from './project.decider.ts';
import { ProjectQueries } from './project.queries.ts';
import { oneVariable } from './project-variables.ts';
import {
  VariableBody,
  VariableChangeBody,
  VariableQuery,
  checkValue,
  maskProblem,
  traitsOf,
  variableAnswer,
} from './variable-bodies.ts';

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
    const traits = traitsOf(body);
    const { id: projectId } = await this.projects.named(owner, repo);
    const { key, value } = body;
    return this.idempotency.once(request, reply, `POST variables of ${projectId}`, async ({ cause }) => {
      const sealed = this.box.seal(value, variableSeal(projectId, key, traits.scope));
      const command = { type: 'SetVariable', projectId, key, sealed, ...traits } as const;
      const { events, position } = await this.commands.handle(projectStream(projectId), projectDecider, command, cause);
      void reply.header('x-event-position', String(position));
      return { answer: { ...variableAnswer({ key, ...traits }), position }, fresh: events.length > 0 };
    });
  }

  @Put(':key')
  @Describe('Gives a variable of the project a new value; what is left out stays as it is', {
    answer: 'The variable without its value',
    problems: ['invalid_variable', 'not_maskable', 'several_variables'],
  })
  async change(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('key') key: string,
    @Query() { environment_scope: asked }: VariableQuery,
    @Body() body: VariableChangeBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    checkValue(body.value);
    const { id: projectId } = await this.projects.named(owner, repo);
    const stream = projectStream(projectId);
    const { variables } = await this.commands.stateOf(stream, projectDecider);
    const { scope } = oneVariable({ key, scope: asked }, variables);
    const { cause } = this.idempotency.unnamed();
    const { events, position } = await this.commands.handle(
      stream,
      projectDecider,
      {
        type: 'ChangeVariable',
        projectId,
        key,
        scope: scope ?? EVERYWHERE,
        sealed: this.box.seal(body.value, variableSeal(projectId, key, scope)),
        protected: body.protected,
        masked: body.masked,
        expand: body.raw === undefined ? undefined : !body.raw,
        file: body.variable_type === undefined ? undefined : body.variable_type === 'file',
        description: body.description,
        maskProblem: maskProblem(body.value),
      },
      cause,
    );
    void reply.header('x-event-position', String(position));
    return { ...variableAnswer(events[0]!.data as ReturnType<typeof VariableSet>['data']), position };
  }

  @Get()
  @Describe('Lists the variables of the project, without their values')
  async list(@Param('owner') owner: string, @Param('repo') repo: string, @Query() _query: ReadQuery) {
    const { variables } = await this.projects.current(owner, repo);
    const placeOf = ({ key, scope = EVERYWHERE }: { key: string; scope?: string }): string => `${key} ${scope}`;
    return { items: variables.toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1)).map(variableAnswer) };
  }

  @Delete(':key')
  @HttpCode(204)
  @Describe('Removes a variable of the project', { problems: ['several_variables'] })
  async remove(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('key') key: string,
    @Query() { environment_scope: scope }: VariableQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const { id: projectId } = await this.projects.named(owner, repo);
    const { cause } = this.idempotency.unnamed();
    const command = { type: 'RemoveVariable', projectId, key, scope } as const;
    const { position } = await this.commands.handle(projectStream(projectId), projectDecider, command, cause);
    void reply.header('x-event-position', String(position));
  }
}
