import { Controller, Get, Inject } from '@nestjs/common';
import {
  PORT,
  TransientError,
  type EventStore,
  type ReadModels,
  type ReadStore,
  type Settings,
} from '@foldline/kernel';
import { Public } from '../http/bearer.guard.ts';
import { Describe } from '../openapi/describe.ts';

/** Events that the read models may be behind while the server still counts as ready. */
const READY_LAG = 10_000;

@Controller()
@Public()
export class HealthController {
  constructor(
    @Inject(PORT.settings) private readonly settings: Settings,
    @Inject(PORT.eventStore) private readonly store: EventStore,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.readModels) private readonly models: ReadModels,
  ) {}

  @Get('healthz')
  @Describe('Says that the process answers')
  alive() {
    return { status: 'ok' };
  }

  @Get('readyz')
  @Describe('Says whether the log can be read and the read models follow it', { problems: ['unavailable'] })
  async ready() {
    const stored = await this.store.lastPosition();
    await this.reads.position('readiness');
    await this.models.reached(0, 0);
    const shown = this.models.position();
    const lag = Math.max(0, stored - shown);
    if (lag > READY_LAG) throw new TransientError(`the read models are ${lag} positions behind the log`);
    return { status: 'ok', position: stored, readModels: { position: shown, lag } };
  }

  @Get('version')
  @Describe('Names the version and the mode of this server')
  version() {
    return { name: 'foldline', version: this.settings.version, mode: this.settings.mode };
  }
}
