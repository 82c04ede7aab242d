import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** How often the delay of the event loop is taken, which wakes the process each time. */
const LOOP_DELAY_MS = 50;
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What a service measures of itself, in the OpenMetrics text format. */
export class Metrics {
  private readonly registry = new Registry<'application/openmetrics-text; version=1.0.0; charset=utf-8'>();
  private readonly handlings: Histogram<'type' | 'outcome'>;
  private readonly appends: Histogram<'outcome'>;

  constructor(service: string) {
    this.registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    this.registry.setDefaultLabels({ service });
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: LOOP_DELAY_MS });
    const registers = [this.registry];
    this.handlings = new Histogram({
      name: 'foldline_event_handling_seconds',
      help: 'Time that handlers of events took, by type of event and by how it ended',
      labelNames: ['type', 'outcome'],
      buckets: SECONDS,
      registers,
    });
    this.appends = new Histogram({
      name: 'foldline_append_seconds',
      help: 'Time that appends to the event store took',
      labelNames: ['outcome'],
      buckets: SECONDS,
      registers,
    });
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  handled(type: string, outcome: 'done' | 'failed', seconds: number): void {
    this.handlings.observe({ type, outcome }, seconds);
  }

  appended(outcome: 'stored' | 'refused' | 'failed', seconds: number): void {
    this.appends.observe({ outcome }, seconds);
  }

  /** A value that is asked for whenever somebody looks. What cannot be told then is left out. */
  gauge(name: string, help: string, read: () => Promise<number>): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [this.registry],
      collect: async () => {
        const value = await read().catch(() => undefined);
        if (value === undefined) gauge.remove();
        else gauge.set(value);
      },
    });
  }

  /** The same for several values, told apart by a label of which there are few. */
  gauges(
    name: string,
    help: string,
    label: string,
    read: () => ReadonlyMap<string, number> | Promise<ReadonlyMap<string, number>>,
  ): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect: async () => {
        const values = await Promise.resolve()
          .then(read)
          .catch(() => new Map<string, number>());
        gauge.reset();
        for (const [labelled, value] of values) gauge.set({ [label]: labelled }, value);
      },
    });
  }

  /** Counts something that happens now and then. */
  counter(name: string, help: string): () => void {
    const counter = new Counter({ name, help, registers: [this.registry] });
    return () => counter.inc();
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }
}
