import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import {
  COLLECTION,
  NOTIFICATION_MOMENTS,
  projectStream,
  RESULT_MOMENTS,
  type SubscriptionDoc,
} from '@foldline/contracts';
import {
  COMMANDS,
  derivedId,
  PORT,
  Refusal,
  signingSecretOf,
  type Commands,
  type ReadStore,
  type SecretBox,
} from '@foldline/kernel';
import { ArrayMinSize, ArrayUnique, IsArray, IsIn, IsOptional, IsString, Length } from 'class-validator';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { answerPage, PageQuery, readPage } from '../http/pages.ts';
import { Describe } from '../openapi/describe.ts';
import { Idempotency } from '../triggers/idempotency.ts';
import { projectDecider } from './project.decider.ts';
import { ProjectQueries } from './project.queries.ts';

type Moment = (typeof NOTIFICATION_MOMENTS)[number];
const KINDS = ['slack', 'webhook'] as const;

export class SubscriptionBody {
  @IsIn(KINDS)
  kind!: (typeof KINDS)[number];

  @IsString()
  @Length(1, 2048)
  url!: string;

  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayUnique()
  @IsIn(NOTIFICATION_MOMENTS, { each: true })
  on?: Moment[];
}

/** Where messages may go; whether the address may be reached at all is checked again at each delivery. */
const hostOf = (url: string): string => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed && ['http:', 'https:'].includes(parsed.protocol) && !parsed.username && !parsed.password)
    return parsed.host;
  const message = 'url must be an http or https address without credentials';
  throw new Refusal('invalid_url', message, { errors: [{ pointer: '/url', message }] });
};

@Controller('api/:owner/:repo/subscriptions')
export class SubscriptionsController {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.secretBox) private readonly box: SecretBox,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(Idempotency) private readonly idempotency: Idempotency,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
  ) {}

  @Post()
  @Describe(
    'Tells Slack or a webhook about results of the project\u2019s pipelines, and about its alerts where asked to',
    {
      answer: 'The subscription without its address; a webhook’s with the secret that its messages are signed with',
      idempotent: true,
      problems: ['invalid_url', 'limit_reached'],
    },
  )
  async create(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Body() body: SubscriptionBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const host = hostOf(body.url);
    const { id: projectId } = await this.projects.named(owner, repo);
    const on = body.on ?? [...RESULT_MOMENTS];
    return this.idempotency.once(request, reply, `POST subscriptions of ${projectId}`, async (by) => {
      const subscriptionId = by.keyed ? derivedId(projectId, by.id) : by.id;
      const sealedUrl = this.box.seal(body.url, `project:${projectId}:subscription:${subscriptionId}`);
      const channel = { kind: body.kind, sealedUrl, host };
      const command = { type: 'RequestSubscription', subscriptionId, projectId, channel, on } as const;
      const { events, position } = await this.commands.handle(
        projectStream(projectId),
        projectDecider,
        command,
        by.cause,
      );
      void reply.header('x-event-position', String(position));
      const signing = body.kind === 'webhook' ? { signingSecret: signingSecretOf(this.box, subscriptionId) } : {};
      return {
        answer: { id: subscriptionId, kind: body.kind, host, on, ...signing, position },
        fresh: events.length > 0,
      };
    });
  }

  @Get()
  @Describe('Lists the subscriptions of the project')
  async list(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Query() query: PageQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { id } = await this.projects.named(owner, repo);
    const list = { collection: COLLECTION.subscriptions, index: 'byProject', prefix: `${id}/` };
    return answerPage(await readPage<SubscriptionDoc>(this.reads, list, query), (doc) => doc, request, reply);
  }

  @Delete(':id')
  @HttpCode(204)
  @Describe('Ends a subscription')
  async remove(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('id') subscriptionId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const { id: projectId } = await this.projects.named(owner, repo);
    const { cause } = this.idempotency.unnamed();
    const command = { type: 'RequestSubscriptionRemoval', projectId, subscriptionId } as const;
    const { position } = await this.commands.handle(projectStream(projectId), projectDecider, command, cause);
    void reply.header('x-event-position', String(position));
  }
}
