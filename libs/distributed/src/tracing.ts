import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash, randomBytes } from 'node:crypto';
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { RecordedEvent } from '@foldline/contracts';

type Caused = Pick<RecordedEvent, 'id' | 'type' | 'stream' | 'revision' | 'correlationId'>;

const hex = (text: string, bytes: number): string =>
  createHash('sha256')
    .update(text)
    .digest('hex')
    .slice(0, bytes * 2);

/** A trace per order key, which for everything about a pipeline is the pipeline; ids follow from the log's own. */
const contextOf = ({ id, correlationId }: Pick<Caused, 'id' | 'correlationId'>): SpanContext => ({
  traceId: hex(`trace:${correlationId}`, 16),
  spanId: hex(`event:${id}`, 8),
  traceFlags: TraceFlags.SAMPLED,
  isRemote: true,
});

/** Ids for one span that are chosen, and random ones for all others. */
class ChosenIds {
  private chosen: { traceId: string; spanId: string } | undefined;

  use<Result>(ids: { traceId: string; spanId: string }, work: () => Result): Result {
    this.chosen = ids;
    try {
      return work();
    } finally {
      this.chosen = undefined;
    }
  }
  generateTraceId(): string {
    return this.chosen?.traceId ?? randomBytes(16).toString('hex');
  }
  generateSpanId(): string {
    return this.chosen?.spanId ?? randomBytes(8).toString('hex');
  }
}

/**
 * Traces over all services: a span for each event that is appended, a span for each time that one is handled. What is
 * appended while an event is handled hangs below that, so a pipeline is one tree. Ids are made from the ids of events,
 * so nothing about traces has to be kept: whoever has an event can name its span (W3C trace context).
 */
export class Tracing {
  private readonly ids = new ChosenIds();
  private readonly provider: TracerProvider;
  private readonly tracer: Tracer;
  private readonly current = new AsyncLocalStorage<SpanContext>();

  constructor(service: string, version: string, url: string) {
    this.provider = new TracerProvider({
      resource: resourceFromAttributes({ 'service.name': `foldline-${service}`, 'service.version': version }),
      idGenerator: this.ids,
      spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url }) })],
    });
    this.tracer = this.provider.getTracer('foldline', version);
  }

  /** Headers by which the event's own span is named to who handles it. */
  headersOf(event: RecordedEvent): Record<string, string> {
    const { traceId, spanId } = contextOf(event);
    return { traceparent: `00-${traceId}-${spanId}-01` };
  }

  async handling(service: string, event: RecordedEvent, work: () => Promise<void>): Promise<void> {
    const parent = trace.setSpanContext(ROOT_CONTEXT, contextOf(event));
    const span = this.tracer.startSpan(
      `${service} ${event.type}`,
      { kind: SpanKind.CONSUMER, attributes: attributesOf(event) },
      parent,
    );
    try {
      await this.current.run(span.spanContext(), work);
    } catch (error) {
      failed(span, error);
      throw error;
    } finally {
      span.end();
    }
  }

  /**
   * What one command has stored, told in the async context of whoever gave it. `startTime` in milliseconds since 1970:
   * when that was.
   */
  stored(events: readonly RecordedEvent[], startTime: number): void {
    for (const event of events) {
      const ids = contextOf(event);
      const current = this.current.getStore();
      const parent = current?.traceId === ids.traceId ? trace.setSpanContext(ROOT_CONTEXT, current) : ROOT_CONTEXT;
      const options = { kind: SpanKind.PRODUCER, attributes: attributesOf(event), startTime };
      this.ids.use(ids, () => this.tracer.startSpan(event.type, options, parent)).end();
    }
  }

  close(): Promise<void> {
    return this.provider.shutdown();
  }
}

const attributesOf = ({ id, type, stream, revision, correlationId }: Caused): Record<string, string | number> => ({
  'messaging.message.id': id,
  'foldline.event.type': type,
  'foldline.stream': stream,
  'foldline.revision': revision,
  'foldline.key': correlationId,
});

const failed = (span: Span, error: unknown): void => {
  span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
};
