import { createHash } from 'node:crypto';
import { Controller, Get, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { COLLECTION, triggerStream, type DeliveryDoc, type RecordedEvent } from '@foldline/contracts';
import {
  COMMANDS,
  derivedId,
  PORT,
  Refusal,
  type Cause,
  type Commands,
  type EventStore,
  type ReadStore,
  type Settings,
} from '@foldline/kernel';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { Public } from '../http/bearer.guard.ts';
import { parseJson } from '../http/bodies.ts';
import { answerPage, PageQuery, readPage } from '../http/pages.ts';
import { Describe } from '../openapi/describe.ts';
import { ProjectQueries } from '../projects/project.queries.ts';
import { Admission } from './admission.ts';
import { readPush, type Push } from './github-push.ts';
import { PipelineRequests, type RequestedPipeline, type Wanted } from './pipeline-requests.ts';
import { PushedServices } from '../builds/pushed-services.ts';
import { isSigned } from './webhook-signature.ts';
import { deliveryReused, mustBeTheSame, webhookDecider, type Delivery } from './webhook.decider.ts';

type Result = Pick<Delivery, 'outcome' | 'because' | 'pipelineIds' | 'builds'>;

const DELIVERY_ID = /^[A-Za-z0-9-]{1,100}$/;
const EVENT = /^[a-z_]{1,64}$/;
const FORGE = { kind: 'system', id: 'github' } as const;
const ignored = (because: string): Result => ({ outcome: 'ignored', because, pipelineIds: [] });

const header = (request: FastifyRequest, name: string, shape: RegExp): string => {
  const value = request.headers[name];
  if (typeof value === 'string' && shape.test(value)) return value;
  throw new Refusal('malformed_payload', `the header ${name} is missing or not valid`);
};

const answerOf = ({ deliveryId, outcome, because, pipelineIds, builds }: Delivery) => ({
  deliveryId,
  outcome,
  because,
  pipelines: pipelineIds,
  ...(builds && { builds }),
});

@Controller()
export class WebhookController {
  constructor(
    @Inject(PORT.settings) private readonly settings: Settings,
    @Inject(PORT.eventStore) private readonly store: EventStore,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(PipelineRequests) private readonly pipelines: PipelineRequests,
    @Inject(PushedServices) private readonly services: PushedServices,
  ) {}

  @Post('v1/webhooks/github')
  @Public()
  @HttpCode(202)
  @Describe(
    'Takes a signed delivery of GitHub; a push starts the pipelines of every project of that repository, and builds its services of that branch',
    {
      answer: 'What came of the delivery; 200 for a ping',
      problems: ['invalid_signature', 'malformed_payload', 'delivery_reused', 'too_many_deliveries'],
    },
  )
  async github(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    if (!isSigned(body, request.headers['x-hub-signature-256'], this.settings.webhookSecret))
      throw new Refusal('invalid_signature', 'X-Hub-Signature-256 does not match the body');
    const deliveryId = header(request, 'x-github-delivery', DELIVERY_ID);
    const event = header(request, 'x-github-event', EVENT);
    const stream = triggerStream(derivedId('github', deliveryId));
    const [known] = (await this.store.readStream(stream, 0, 1)) as RecordedEvent<string, Delivery>[];
    const sent = { event, bytes: body.length, bodySha256: createHash('sha256').update(body).digest('hex') };
    if (known) {
      mustBeTheSame(known.data, sent);
      return answerOf(known.data);
    }
    const result = await this.resultOf(event, deliveryId, body);
    const delivery: Delivery = { deliveryId, forge: 'github', ...sent, ...result };
    const cause = { id: `github:${deliveryId}`, actor: FORGE };
    const { position } = await this.commands.handle(
      stream,
      webhookDecider,
      { type: 'RecordDelivery', ...delivery },
      cause,
    );
    void reply.header('x-event-position', String(position)).status(result.outcome === 'pong' ? 200 : 202);
    return answerOf(delivery);
  }

  @Get('api/v1/webhooks/deliveries')
  @Describe('Lists the deliveries of forges, newest first')
  async deliveries(
    @Query() query: PageQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const list = { collection: COLLECTION.deliveries, index: 'byTime', reverse: true };
    return answerPage(await readPage<DeliveryDoc>(this.reads, list, query), (doc) => doc, request, reply);
  }

  private async resultOf(event: string, deliveryId: string, body: Buffer): Promise<Result> {
    const payload = parseJson(body);
    if (event === 'ping') return { outcome: 'pong', because: 'the forge asked whether we are here', pipelineIds: [] };
    if (event !== 'push') return ignored(`events of type ${event} start nothing`);
    const push = readPush(payload);
    return push.starts ? this.start(push, deliveryId) : ignored(push.because);
  }

  private async start(push: Push & { starts: true }, deliveryId: string): Promise<Result> {
    const projects = await this.projects.ofRepository(push.repository);
    if (projects.length === 0) return ignored(`no project is registered for ${push.repository.fullName}`);
    await this.admission.push(push.repository.fullName);
    const pipelineIds: string[] = [];
    const builds: number[] = [];
    for (const project of projects) {
      const { ref, sha, before } = push;
      const services = await this.services.of(project, ref);
      const request = async (of: string, start: (wanted: Wanted, cause: Cause) => Promise<RequestedPipeline>) => {
        const pipelineId = derivedId(of, 'github', deliveryId);
        const wanted = { pipelineId, ref, sha, ...(before && { before }), source: 'push', variables: {} } as const;
        const requested = await start(wanted, { id: `github:${deliveryId}:${of}`, actor: FORGE });
        // Another body under this id was here first, and is not on record yet.
        if (requested.sha !== push.sha || requested.ref !== push.ref.name) throw deliveryReused();
        pipelineIds.push(pipelineId);
        if (requested.build !== undefined) builds.push(requested.build);
      };
      const more = services.length > 0 ? { mayLackDefinition: true as const } : {};
      await request(project.id, (wanted, cause) => this.pipelines.request(project, { ...wanted, ...more }, cause));
      for (const service of services)
        await request(service.id, (wanted, cause) => this.services.build(project, service, wanted, cause));
    }
    const because = `${push.ref.kind} ${push.ref.name} was pushed`;
    return { outcome: 'triggered', because, pipelineIds, ...(builds.length > 0 && { builds }) };
  }
}
