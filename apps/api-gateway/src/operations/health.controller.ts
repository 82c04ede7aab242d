import { Controller, Get, Inject } from '@nestjs/common';
import { PORT, type EventStore, type ReadModels, type ReadStore, type Settings } from '@foldline/kernel';
import { Public } from '../http/bearer.guard.ts';
import { Describe } from '../openapi/describe.ts';
import { Rebuilding, WholeReadModels } from './whole-read-models.ts';

@Controller()
@Public()
export class HealthController {
  private isFirst = true;

  constructor(
    @Inject(PORT.settings) private readonly settings: Settings,
    @Inject(PORT.eventStore) private readonly store: EventStore,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.readModels) private readonly models: ReadModels,
    @Inject(WholeReadModels) private readonly whole: WholeReadModels,
  ) {}

  @Get('healthz')
  @Describe('Says that the process answers')
  alive() {
    return { status: 'ok' };
  }

  @Get('readyz')
  @Describe('Says whether the log can be read and the read models show what it held at the first such question', {
    problems: ['unavailable', 'rebuilding'],
  })
  async ready() {
    const stored = await this.store.lastPosition();
    await this.reads.position('readiness');
    // Later they may be behind for a while; only where they are built anew is there nothing to show yet.
    if (this.isFirst) this.whole.require(stored);
    this.isFirst = false;
    if (!(await this.whole.areWhole()))
      throw new Rebuilding(`the read models are being built: they show position ${this.models.position()}`);
    return { status: 'ok', position: stored, readModels: { position: this.models.position() } };
  }

  @Get('version')
  @Describe('Names the version and the mode of this server')
  version() {
    return { name: 'foldline', version: this.settings.version, mode: this.settings.mode };
  }
}
