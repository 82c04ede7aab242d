import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import { PORT, type Clock, type EventStore } from '@foldline/kernel';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { OpenStreams } from '../http/open-streams.ts';
import { answerPage, DEFAULT_LIMIT } from '../http/pages.ts';
import { lastEventId, sendEvents, wantsEvents } from '../http/server-sent-events.ts';
import { Describe } from '../openapi/describe.ts';
import { checkFilter, EventPages, matches } from './event-pages.ts';
import { publicEvent } from './public-event.ts';

export class EventsQuery {
  /** Only events behind this position. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  after?: number;

  /** The same as `after`: `nextCursor` of the page before. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  cursor?: number;

  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1000)
  limit?: number;

  @IsOptional()
  @IsString()
  @MaxLength(100)
  type?: string;

  @IsOptional()
  @IsString()
  @MaxLength(200)
  stream?: string;

  @IsOptional()
  @IsString()
  @MaxLength(100)
  category?: string;

  @IsOptional()
  @IsString()
  @MaxLength(64)
  pipeline?: string;
}

@Controller('api/v1/events')
export class EventsController {
  constructor(
    @Inject(PORT.eventStore) private readonly store: EventStore,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(OpenStreams) private readonly streams: OpenStreams,
    @Inject(EventPages) private readonly pages: EventPages,
  ) {}

  @Get()
  @Describe('Reads the log of everything that happened: a page, or as server-sent events that go on', {
    answer: 'Events in the order of the log; nextCursor is a position',
    produces: ['application/json', 'text/event-stream'],
  })
  async read(@Query() query: EventsQuery, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { after, cursor, limit = DEFAULT_LIMIT, ...filter } = query;
    checkFilter(filter);
    const from = cursor ?? after ?? 0;
    if (wantsEvents(request)) return this.follow(lastEventId(request) ?? from, filter, reply);
    const page = answerPage(await this.pages.page(from, limit, filter), publicEvent, request, reply);
    void reply.send(page);
  }

  private async follow(after: number, filter: Parameters<typeof matches>[1], reply: FastifyReply): Promise<void> {
    await sendEvents(reply, this.streams, this.clock, (send, signal) =>
      this.store.follow(
        after,
        async (events) => {
          for (const event of events) {
            if (signal.aborted) return;
            if (matches(event, filter)) await send({ id: event.position, event: event.type, data: publicEvent(event) });
          }
        },
        signal,
      ),
    );
  }
}
