import { Body, Controller, Get, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { COLLECTION, SERVICES, type RunnerDoc } from '@foldline/contracts';
import { COMMANDS, PORT, Refusal, type Commands, type EventBus, type ReadStore } from '@foldline/kernel';
import { IsString, Length, Matches } from 'class-validator';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { answerPage, PageQuery, readPage } from '../http/pages.ts';
import { Describe } from '../openapi/describe.ts';
import { Idempotency } from '../triggers/idempotency.ts';
import { parkedDecider } from './parked.decider.ts';

const GROUP = new RegExp(`^(?:${SERVICES.join('|')})(?:\\.[^\\s.][^\\s]{0,199})?$`);

export class ParkedKeyBody {
  /** The service whose events wait; of one whose processes each have events of their own, with the process's name. */
  @Matches(GROUP, {
    message: `group must be one of ${SERVICES.join(', ')}, or one of these, a dot and a process of it`,
  })
  group!: string;

  @IsString()
  @Length(1, 200)
  key!: string;
}

export class DiscardBody extends ParkedKeyBody {
  @IsString()
  @Length(1, 1000)
  reason!: string;
}

/** For whoever runs the instance. */
@Controller('api/v1')
export class OperationsController {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.eventBus) private readonly bus: EventBus,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(Idempotency) private readonly requests: Idempotency,
  ) {}

  @Get('runners')
  @Describe('Lists the runners and what they offer')
  async runners(
    @Query() query: PageQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const page = await readPage<RunnerDoc>(this.reads, { collection: COLLECTION.runners, index: 'byId' }, query);
    return answerPage(page, (doc) => doc, request, reply);
  }

  @Get('parked')
  @Describe('Lists the events that a service could not handle, and what waits behind them')
  async parked() {
    return { items: await this.bus.parked.list() };
  }

  @Post('parked/replay')
  @HttpCode(200)
  @Describe('Hands parked events to their service again', {
    answer: 'How many were handled, and whether any stay parked',
  })
  async replay(@Body() { group, key }: ParkedKeyBody) {
    await this.mustBeParked(group, key);
    return this.bus.parked.replay(group, key);
  }

  @Post('parked/discard')
  @HttpCode(200)
  @Describe('Gives up parked events for good; the reason is recorded', { answer: 'How many were given up' })
  async discard(@Body() { group, key, reason }: DiscardBody, @Res({ passthrough: true }) reply: FastifyReply) {
    await this.mustBeParked(group, key);
    const { discarded } = await this.bus.parked.discard(group, key);
    const { cause } = this.requests.unnamed();
    const command = { type: 'RecordDiscard', group, key, discarded, reason } as const;
    const { position } = await this.commands.handle('access-parked', parkedDecider, command, cause);
    void reply.header('x-event-position', String(position));
    return { discarded, position };
  }

  private async mustBeParked(group: string, key: string): Promise<void> {
    const parked = await this.bus.parked.list();
    if (parked.some((stream) => stream.group === group && stream.key === key)) return;
    throw new Refusal('not_found', 'nothing is parked under this group and key');
  }
}
