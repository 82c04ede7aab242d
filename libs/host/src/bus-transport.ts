import { Catch, type RpcExceptionFilter } from '@nestjs/common';
import { BaseRpcContext, Server, type CustomTransportStrategy } from '@nestjs/microservices';
import type { EventBus } from '@foldline/kernel';
import type { RecordedEvent } from '@foldline/contracts';
import { isObservable, lastValueFrom, throwError, type Observable } from 'rxjs';

export type Around = (event: RecordedEvent, work: () => Promise<void>) => Promise<void>;

/**
 * Serves a service's `@EventPattern` methods from the event bus, whichever that is: awaited, in order per pipeline,
 * repeated until they succeed. One per service, so that each is a consumer group of its own.
 */
export class BusTransport extends Server implements CustomTransportStrategy {
  override readonly propagatesEventHandlerErrors = true;

  constructor(
    private readonly bus: EventBus,
    private readonly group: string,
    /** Sees every handling of an event: measures and traces it. */
    private readonly around: Around = (_event, work) => work(),
  ) {
    super();
  }

  listen(listening: (error?: unknown) => void): void {
    this.bus
      .subscribe(this.group, (event) => this.deliver(event), { types: [...this.messageHandlers.keys()] })
      .then(
        () => listening(),
        (error: unknown) => listening(error),
      );
  }

  /** The bus drains and closes after every service has stopped taking new work; there is nothing of our own to close. */
  close(): void {}
  on(): void {}
  unwrap<Broker>(): Broker {
    return this.bus as Broker;
  }

  private async deliver(event: RecordedEvent): Promise<void> {
    const handler = this.messageHandlers.get(event.type);
    if (!handler) return;
    await this.around(event, async () => {
      const result: unknown = await handler(event, new BaseRpcContext([event]));
      if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
    });
  }
}

/** Hands a handler's error to the transport as it is, so that the bus can tell transient from permanent. */
@Catch()
export class RethrowFilter implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}
