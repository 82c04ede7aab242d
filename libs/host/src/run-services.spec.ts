import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, Inject, Module } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { JobSkipped, pipelineStream } from '@foldline/contracts';
import { NO_STREAM, PORT, type Logger, type Settings } from '@foldline/kernel';
import { openEmbeddedPorts, type EmbeddedPorts } from './embedded-ports.ts';
import { startServices, type Services } from './run-services.ts';

@Controller()
class Failing {
  constructor(@Inject(PORT.logger) private readonly logger: Logger) {}

  @EventPattern<string>(JobSkipped.type)
  async onSkipped(): Promise<void> {
    await Promise.resolve();
    this.logger.info({}, 'looked');
    throw new Error('cannot be done');
  }
}

@Module({ controllers: [Failing] })
class FailingModule {}

describe('a service whose handler fails', () => {
  let directory: string;
  let opened: EmbeddedPorts;
  let services: Services;
  const lines: [string, Record<string, unknown>, string][] = [];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-services-'));
    const settings = { dataDirectory: directory, logLevel: 'silent' } as Settings;
    opened = await openEmbeddedPorts(settings, []);
    for (const level of ['info', 'warn', 'error'] as const)
      opened.ports.logger[level] = (fields, message) =>
        void lines.push([level, fields as Record<string, unknown>, message]);
    services = await startServices([{ name: 'deployer', module: FailingModule }], opened.ports);
  });
  afterEach(async () => {
    await services.stop();
    await opened.close();
    rmSync(directory, { recursive: true });
  });

  it('says so in the log each time, and at last that the event is parked and where to see it', async () => {
    const { eventStore, eventBus } = opened.ports;
    const skipped = JobSkipped({
      pipelineId: 'p1',
      jobId: 'p1.2',
      because: { rule: 'test', detail: 'test', jobs: [] },
    });
    const id = '00000000-0000-5000-8000-000000000001';
    const actor = { kind: 'system', id: 'test' } as const;
    const event = { ...skipped, id, causationId: 'test', correlationId: 'p1', actor };
    const { position } = await eventStore.append(pipelineStream('p1'), [event], NO_STREAM);
    await eventBus.handled('deployer', position);
    expect(lines.filter(([level]) => level === 'info').map(([, fields]) => fields)).toEqual(
      Array.from({ length: 5 }, () => ({ service: 'deployer' })),
    );
    const about = {
      service: 'deployer',
      eventId: id,
      eventType: 'JobSkipped',
      pipelineId: 'p1',
      jobId: 'p1.2',
      group: 'deployer',
      key: 'p1',
      err: expect.objectContaining({ message: 'cannot be done' }),
    };
    const failures = lines.filter(([level]) => level !== 'info').map(([level, fields]) => [level, fields]);
    expect(failures).toEqual([
      ...[1, 2, 3, 4].map((tries) => ['warn', { ...about, tries, retryMs: expect.any(Number) }]),
      [
        'error',
        {
          ...about,
          attempts: 5,
          see: expect.stringContaining('/parked'),
          mend: expect.stringContaining('/parked/replay'),
        },
      ],
    ]);
    expect(await eventBus.parked.list()).toMatchObject([{ group: 'deployer', key: 'p1', attempts: 5 }]);
  });
});
