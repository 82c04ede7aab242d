import type { RecordedEvent, ServiceName } from '@foldline/contracts';
import type { EventStore } from '@foldline/kernel';
import type { Observer } from '@foldline/host';
import { Metrics } from './metrics.ts';
import { observedEventStore } from './observed-event-store.ts';
import { Tracing } from './tracing.ts';

/** What one service tells about its own work: measures always, traces where somebody collects them. */
export class Telemetry implements Observer {
  readonly metrics: Metrics;
  /** Made here, once: the servers may be opened several times until all of them answer. */
  readonly countLost: () => void;
  readonly onLong: Observer['onLong'];
  private readonly tracing: Tracing | undefined;

  constructor(
    private readonly service: ServiceName,
    version: string,
    otlpUrl?: string,
  ) {
    this.metrics = new Metrics(service);
    this.countLost = this.metrics.counter('foldline_relay_gap', 'Events that Kafka had acknowledged and has lost');
    this.onLong = this.metrics.counter('foldline_long_handling', 'Handlings of events that took longer than 30 s');
    this.tracing = otlpUrl === undefined ? undefined : new Tracing(service, version, otlpUrl);
  }

  observed(store: EventStore): EventStore {
    return observedEventStore(store, this.metrics);
  }

  headersOf(event: RecordedEvent): Record<string, string> {
    return this.tracing?.headersOf(event) ?? {};
  }

  /** To be put around each handling of an event. */
  readonly around: Observer['around'] = async (event, work) => {
    const start = performance.now();
    let outcome: 'done' | 'failed' = 'failed';
    try {
      await (this.tracing ? this.tracing.handling(this.service, event, work) : work());
      outcome = 'done';
    } finally {
      this.metrics.handled(event.type, outcome, (performance.now() - start) / 1000);
    }
  };

  /** To be told of what commands store, on behalf of whoever gave them. */
  readonly onStored: Observer['onStored'] = (events, givenAt) => this.tracing?.stored(events, givenAt);

  async close(): Promise<void> {
    await this.tracing?.close();
  }
}
