import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '@foldline/contracts';
import { TransientError, type EventBus, type EventHandler } from '@foldline/kernel';
import { BusTransport, RethrowFilter } from './bus-transport.ts';

const seen: string[] = [];

@Controller()
class Listener {
  @EventPattern<string>('JobQueued')
  async onQueued(@Payload() event: RecordedEvent): Promise<void> {
    await Promise.resolve();
    if (event.id === 'broken') throw new TransientError('not now');
    seen.push(event.id);
  }
}

@Module({ controllers: [Listener] })
class ListenerModule {}

/** Hands events to the handler as the bus would, and shows what comes back. */
const hosted = async (): Promise<{ handle: EventHandler; close: () => Promise<void> }> => {
  let handle: EventHandler | undefined;
  const bus = { subscribe: async (_group: string, handler: EventHandler) => void (handle = handler) };
  const app = await NestFactory.createMicroservice(ListenerModule, {
    strategy: new BusTransport(bus as unknown as EventBus, 'listener'),
    logger: false,
  });
  app.useGlobalFilters(new RethrowFilter());
  await app.listen();
  return { handle: handle!, close: () => app.close() };
};

const event = (id: string, type = 'JobQueued'): RecordedEvent => ({ id, type }) as RecordedEvent;

describe('Embedded transport', () => {
  let close: () => Promise<void> = async () => undefined;
  afterEach(async () => {
    seen.length = 0;
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
});
