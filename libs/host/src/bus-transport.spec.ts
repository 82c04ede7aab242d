import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '@foldline/contracts';
import { TransientError, type EventBus, type EventHandler } from '@foldline/kernel';
import { BusTransport, RethrowFilter, type BusTransportOptions } from './bus-transport.ts';
import { createLogger } from './log.ts';

const seen: string[] = [];
/** What the handler of the slow event waits for. */
let released: Promise<void> = Promise.resolve();
let lines: Record<string, unknown>[] = [];
const logger = createLogger('debug', undefined, { write: (line) => void lines.push(withoutTime(line)) });
const withoutTime = (line: string): Record<string, unknown> => {
  const { time, ...fields } = JSON.parse(line) as Record<string, unknown>;
  expect(time).toEqual(expect.any(Number));
  return fields;
};

@Controller()
class Listener {
  @EventPattern<string>('JobQueued')
  async onQueued(@Payload() event: RecordedEvent): Promise<void> {
    await Promise.resolve();
    logger.info({ found: event.id }, 'looked');
    if (event.id === 'slow') await released;
    if (event.id === 'broken') throw new TransientError('not now');
    seen.push(event.id);
  }
}

@Module({ controllers: [Listener] })
class ListenerModule {}

/** Hands events to the handler as the bus would, and shows what comes back. */
const hosted = async (
  watching: Pick<BusTransportOptions, 'longMs' | 'onLong'> = {},
): Promise<{ handle: EventHandler; close: () => Promise<void> }> => {
  let handle: EventHandler | undefined;
  const bus = { subscribe: async (_group: string, handler: EventHandler) => void (handle = handler) };
  const app = await NestFactory.createMicroservice(ListenerModule, {
    strategy: new BusTransport({
      bus: bus as unknown as EventBus,
      service: 'scheduler',
      group: 'listener',
      logger,
      ...watching,
    }),
    logger: false,
  });
  app.useGlobalFilters(new RethrowFilter());
  await app.listen();
  return { handle: handle!, close: () => app.close() };
};

const event = (id: string, type = 'JobQueued'): RecordedEvent =>
  ({ id, type, stream: 'pipeline-p1', correlationId: 'p1', data: { jobId: 'p1.2', attempt: 1 } }) as RecordedEvent;

describe('Embedded transport', () => {
  let close: () => Promise<void> = async () => undefined;
  afterEach(async () => {
    seen.length = 0;
    lines = [];
    await close();
  });

  it('is done with an event only when its handler is', async () => {
    const host = await hosted();
    close = host.close;
    await host.handle(event('one'));
    expect(seen).toEqual(['one']);
  });

  it('hands the error of a handler to the bus as it is, so that transient ones are tried again', async () => {
    const host = await hosted();
    close = host.close;
    await expect(host.handle(event('broken'))).rejects.toBeInstanceOf(TransientError);
  });

  it('passes over events that nobody here listens to', async () => {
    const host = await hosted();
    close = host.close;
    await host.handle(event('other', 'SomethingElse'));
    expect(seen).toEqual([]);
  });

  it('lets every line that a handler logs name the service, the event and what that is about', async () => {
    const host = await hosted();
    close = host.close;
    await Promise.all([host.handle(event('one')), host.handle(event('two'))]);
    const about = {
      service: 'scheduler',
      eventType: 'JobQueued',
      pipelineId: 'p1',
      jobId: 'p1.2',
      attemptId: 'p1.2.1',
    };
    const [looked, handled] = [
      { level: 30, msg: 'looked' },
      { level: 20, msg: 'an event was handled' },
    ];
    expect(lines.toSorted((a, b) => String(a['eventId']).localeCompare(String(b['eventId'])))).toEqual([
      { ...looked, ...about, eventId: 'one', found: 'one' },
      { ...handled, ...about, eventId: 'one' },
      { ...looked, ...about, eventId: 'two', found: 'two' },
      { ...handled, ...about, eventId: 'two' },
    ]);
  });

  it('does not say that an event was handled whose handler failed', async () => {
    const host = await hosted();
    close = host.close;
    await expect(host.handle(event('broken'))).rejects.toThrow('not now');
    expect(lines.map(({ msg }) => msg)).toEqual(['looked']);
  });

  it('says once of a handler that takes long that it does, while it goes on, with what it is at', async () => {
    let release = (): void => undefined;
    released = new Promise((resolve) => (release = resolve));
    let times = 0;
    let told = (): void => undefined;
    const toldOf = new Promise<void>((resolve) => (told = resolve));
    const onLong = (): void => {
      times += 1;
      told();
    };
    const host = await hosted({ longMs: 1, onLong });
    close = host.close;
    const handling = host.handle(event('slow'));
    await toldOf;
    expect(seen).toEqual([]);
    release();
    await handling;
    expect(seen).toEqual(['slow']);
    expect(times).toBe(1);
    expect(lines.filter(({ level }) => level === 40)).toEqual([
      expect.objectContaining({
        service: 'scheduler',
        group: 'listener',
        key: 'p1',
        eventId: 'slow',
        eventType: 'JobQueued',
        pipelineId: 'p1',
        msg: 'the handling of an event takes long; it goes on',
      }),
    ]);
  });

  it('says nothing of one that is done before', async () => {
    let times = 0;
    const host = await hosted({ longMs: 60_000, onLong: () => (times += 1) });
    close = host.close;
    await host.handle(event('one'));
    expect(times).toBe(0);
    expect(lines.filter(({ level }) => level === 40)).toEqual([]);
  });
});
