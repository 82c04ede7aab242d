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

@Controller()
@Public()
export class HealthController {
  private mustShow: number | undefined;

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
  @Describe('Says whether the log can be read and the read models show what it held at the first such question', {
    problems: ['unavailable'],
  })
  async ready() {
    const stored = await this.store.lastPosition();
    await this.reads.position('readiness');
    this.mustShow ??= stored;
    // Later they may be behind for a while; only where they are built anew is there nothing to show yet.
    if (!(await this.models.reached(this.mustShow, 0)))
      throw new TransientError(
        `the read models are being built: they show position ${this.models.position()} of ${this.mustShow}`,
      );
    return { status: 'ok', position: stored, readModels: { position: this.models.position() } };
  }

  @Get('version')
  @Describe('Names the version and the mode of this server')
  version() {
    return { name: 'foldline', version: this.settings.version, mode: this.settings.mode };
  }
}
