import { Body, Controller, Get, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { COMMANDS, type Commands } from '@foldline/kernel';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { ReadQuery } from '../http/pages.ts';
import { NoBody } from '../http/validation.pipe.ts';
import { Describe } from '../openapi/describe.ts';
import { Idempotency } from '../triggers/idempotency.ts';
import { maintenanceDecider } from './maintenance.decider.ts';
import { MaintenanceQueries } from './maintenance.queries.ts';

/** What is kept only for a while, and when it goes. */
@Controller('api/v1/maintenance')
export class MaintenanceController {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(Idempotency) private readonly idempotency: Idempotency,
    @Inject(MaintenanceQueries) private readonly maintenance: MaintenanceQueries,
  ) {}

  @Get()
  @Describe('Tells what the next maintenance would delete, and why; nothing is deleted')
  next(@Query() _query: ReadQuery) {
    return this.maintenance.next();
  }

  @Post()
  @HttpCode(202)
  @Describe('Has maintenance done now, and not within the hour', {
    answer: 'Where in the log the wish is; MaintenanceFinished tells what came of it',
    idempotent: true,
  })
  async request(
    @Body() _body: NoBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<{ position: number }> {
    return this.idempotency.once(request, reply, 'POST /api/v1/maintenance', async ({ cause }) => {
      const command = { type: 'RequestMaintenance' } as const;
      const { events, position } = await this.commands.handle('access-maintenance', maintenanceDecider, command, cause);
      void reply.header('x-event-position', String(position));
      return { answer: { position }, fresh: events.length > 0 };
    });
  }
}
