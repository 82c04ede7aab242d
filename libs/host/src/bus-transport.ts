import { Catch, type RpcExceptionFilter } from '@nestjs/common';
import { BaseRpcContext, Server, type CustomTransportStrategy } from '@nestjs/microservices';
import type { RecordedEvent, ServiceName } from '@foldline/contracts';
import { handlingOf, logAbout, type EventBus, type Logger } from '@foldline/kernel';
import { isObservable, lastValueFrom, throwError, type Observable } from 'rxjs';
import { LONG_HANDLING_MS, watched } from './watched-handling.ts';

export type Around = (event: RecordedEvent, work: () => Promise<void>) => Promise<void>;

export type BusTransportOptions = {
  bus: EventBus;
  service: ServiceName;
  /** The consumer group. */
  group: string;
  logger: Logger;
  /** Sees every handling of an event: measures and traces it. */
  around?: Around | undefined;
  /** Told once of each handling that takes long, while it does. */
  onLong?: (() => void) | undefined;
  /** Milliseconds after which it does; 30 s when absent. */
  longMs?: number;
};

const NOTHING_MORE = {};

/**
 * Serves a service's `@EventPattern` methods from the event bus, whichever that is: awaited, in order per pipeline,
 * repeated until they succeed. One per service, so that each is a consumer group of its own. Here handling begins: what
 * is logged from here on names the event, its pipeline and its job.
 */
export class BusTransport extends Server implements CustomTransportStrategy {
  override readonly propagatesEventHandlerErrors = true;

  constructor(private readonly options: BusTransportOptions) {
    super();
  }

  listen(listening: (error?: unknown) => void): void {
    const { bus, group } = this.options;
    bus
      .subscribe(group, (event) => this.deliver(event), { types: [...this.messageHandlers.keys()] })
      .then(
        () => listening(),
        (error: unknown) => listening(error),
      );
  }

  /** The bus drains and closes after every service has stopped taking new work; there is nothing of our own to close. */
  close(): void {}
  on(): void {}
  unwrap<Broker>(): Broker {
    return this.options.bus as Broker;
  }

  private async deliver(event: RecordedEvent): Promise<void> {
    const handler = this.messageHandlers.get(event.type);
    if (!handler) return;
    const { service, logger, around = withNothing } = this.options;
    const { longMs = LONG_HANDLING_MS } = this.options;
    await logAbout(handlingOf(service, event), async () => {
      const handle = async (): Promise<void> => {
        const result: unknown = await handler(event, new BaseRpcContext([event]));
        if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
      };
      await watched(
        longMs,
        () => this.tellLong(event, longMs),
        () => around(event, handle),
      );
      logger.debug(NOTHING_MORE, 'an event was handled');
    });
  }

  /** Whatever comes behind it under its key waits meanwhile, and nothing else would show it. */
  private tellLong({ correlationId: key }: RecordedEvent, longMs: number): void {
    const { group, logger, onLong } = this.options;
    onLong?.();
    logger.warn({ group, key, seconds: longMs / 1000 }, 'the handling of an event takes long; it goes on');
  }
}

const withNothing: Around = (_event, work) => work();

/** Hands a handler's error to the transport as it is, so that the bus can tell transient from permanent. */
@Catch()
export class RethrowFilter implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}
