import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import {
  COLLECTION,
  openIndexPrefix,
  projectStream,
  serviceIndexPrefix,
  serviceStream,
  type ProjectDoc,
  type ServiceConfig,
  type ServiceDeploymentDoc,
  type ServiceDoc,
} from '@foldline/contracts';
import { COMMANDS, derivedId, PORT, Refusal, type Commands, type ReadStore } from '@foldline/kernel';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { answerPage, PageQuery, readPage, ReadQuery } from '../http/pages.ts';
import { ReadYourWrites } from '../http/read-your-writes.ts';
import { Describe } from '../openapi/describe.ts';
import { projectDecider } from '../projects/project.decider.ts';
import { ProjectQueries } from '../projects/project.queries.ts';
import { Idempotency, type Done, type RequestId } from '../triggers/idempotency.ts';
import { NumberedQueries } from './numbered.queries.ts';
import { Numbers } from './numbers.ts';
import { sameRepository } from './same-repository.ts';
import { serviceAnswer } from './service-answer.ts';
import { ChangeServiceBody, RegisterServiceBody } from './service-bodies.ts';
import { changesIn, usualConfig } from './service-config.ts';
import { serviceDecider } from './service.decider.ts';

/** Of one project. */
export const MAX_SERVICES = 200;
/** Deployments of a service that is removed; more than these take their turn, and are removed then. */
const MAX_CANCELLED = 200;

@Controller('v1/cicd/services')
export class ServicesController {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(Idempotency) private readonly idempotency: Idempotency,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
    @Inject(NumberedQueries) private readonly numbered: NumberedQueries,
    @Inject(Numbers) private readonly numbers: Numbers,
    @Inject(ReadYourWrites) private readonly writes: ReadYourWrites,
  ) {}

  @Post()
  @Describe('Registers a part of a project that is built as an image and run as containers', {
    answer: 'The service',
    idempotent: true,
    problems: ['service_exists', 'invalid_url', 'limit_reached', 'read_models_behind'],
  })
  async register(
    @Body() body: RegisterServiceBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const work = (by: RequestId) => this.registered(body, by);
    const { doc, position } = await this.idempotency.once(request, reply, 'POST services', work);
    void reply.header('location', `/v1/cicd/services/${doc.number}`).header('x-event-position', String(position));
    return serviceAnswer(doc);
  }

  @Get()
  @Describe('Lists the services in the order in which they were registered')
  async list(
    @Query() query: PageQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const page = await readPage<ServiceDoc>(this.reads, { collection: COLLECTION.services, index: 'byNumber' }, query);
    return answerPage(page, serviceAnswer, request, reply);
  }

  @Get(':id')
  @Describe('Shows a service')
  async show(@Param('id') id: string, @Query() _query: ReadQuery) {
    return serviceAnswer(await this.numbered.service(id));
  }

  @Patch(':id')
  @Describe('Changes how a service is built and run from now on; what is not named stays', {
    answer: 'The service',
    problems: ['invalid_url'],
  })
  async change(
    @Param('id') id: string,
    @Body() body: ChangeServiceBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const doc = await this.numbered.service(id);
    const changes = changesIn(body);
    if (changes.gitUrl !== undefined) sameRepository(await this.numbered.project(doc.projectId), changes.gitUrl);
    const { state, position } = await this.commands.handle(
      serviceStream(doc.id),
      serviceDecider,
      { type: 'ChangeService', changes },
      this.idempotency.unnamed().cause,
    );
    void reply.header('x-event-position', String(position));
    return serviceAnswer({ ...doc, ...state.known!.config });
  }

  @Delete(':id')
  @HttpCode(204)
  @Describe('Removes a service; what runs of it is stopped, what waits is cancelled, what was built of it stays', {
    problems: ['read_models_behind'],
  })
  async remove(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<void> {
    await this.writes.reachEnd();
    const doc = await this.numbered.service(id);
    const { cause } = this.idempotency.unnamed();
    const command = { type: 'RemoveService', underWay: await this.underWay(doc) } as const;
    const { position } = await this.commands.handle(serviceStream(doc.id), serviceDecider, command, cause);
    void reply.header('x-event-position', String(position));
  }

  private async underWay({ projectNumber, number }: ServiceDoc): Promise<string[]> {
    const query = { index: 'open', prefix: openIndexPrefix(projectNumber, number), limit: MAX_CANCELLED };
    const { items } = await this.reads.query<ServiceDeploymentDoc>(COLLECTION.serviceDeployments, query);
    return items.map(({ id }) => id);
  }

  private async registered(
    body: RegisterServiceBody,
    by: RequestId,
  ): Promise<Done<{ doc: ServiceDoc; position: number }>> {
    const changes = changesIn(body);
    await this.writes.reachEnd();
    const project = await this.projectOf(body);
    if (changes.gitUrl !== undefined) sameRepository(project, changes.gitUrl);
    const config: ServiceConfig = { ...usualConfig(body.name, project), ...changes };
    const serviceId = derivedId('service', project.id, body.name.toLowerCase());
    const known = await this.reads.get<ServiceDoc>(COLLECTION.services, serviceId);
    const projectNumber = await this.projectNumber(project, by);
    const number = known?.number ?? (await this.newNumber(serviceId, projectNumber, by));
    const { events, position, state } = await this.commands.handle(
      serviceStream(serviceId),
      serviceDecider,
      { type: 'RegisterService', serviceId, number, projectId: project.id, projectNumber, config },
      by.cause,
    );
    // Somebody else may have registered the same at the same time, under another number.
    const doc = {
      ...config,
      id: serviceId,
      number: state.known!.number,
      projectId: project.id,
      projectNumber,
      createdAt: known?.createdAt ?? events[0]?.recordedAt ?? '',
      position,
    };
    return { answer: { doc, position }, fresh: events.length > 0 };
  }

  /** By its name; without one the only project of that repository. */
  private async projectOf({ project, git_url: url }: RegisterServiceBody): Promise<ProjectDoc> {
    if (project !== undefined) return this.projects.identified(project);
    const found = url === undefined ? [] : await this.projects.ofRepository({ fullName: '', urls: [url] });
    if (found.length === 1) return found[0]!;
    const message =
      found.length === 0
        ? 'say by project, as owner/name, whose service it is'
        : 'several projects have this repository: say which by project';
    throw new Refusal('invalid_request', message, { pointer: '/project' });
  }

  private async projectNumber({ id: projectId, number }: ProjectDoc, { cause }: RequestId): Promise<number> {
    if (number !== undefined) return number;
    const taken = await this.numbers.next('projects', projectId, cause);
    const command = { type: 'NumberProject', projectId, number: taken } as const;
    const { state } = await this.commands.handle(projectStream(projectId), projectDecider, command, cause);
    return state.number!;
  }

  private async newNumber(serviceId: string, projectNumber: number, { cause }: RequestId): Promise<number> {
    const prefix = serviceIndexPrefix(projectNumber);
    const count = await this.reads.count(COLLECTION.services, { index: 'byProject', prefix, atMost: MAX_SERVICES });
    if (count >= MAX_SERVICES) throw new Refusal('limit_reached', `a project has at most ${MAX_SERVICES} services`);
    return this.numbers.next('services', serviceId, cause);
  }
}
