import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { JobSkipped, type EventsOf, type RecordedEvent } from '@foldline/contracts';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import { systemClock } from '@foldline/host';
import { Commands, type Decider } from '@foldline/kernel';
import { Tracing } from './tracing.ts';

type Span = { traceId: string; spanId: string; parentSpanId?: string; name: string; status: { code?: number } };
type Export = { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] };

const event = (id: string, type: string): RecordedEvent => ({
  id,
  type,
  version: 1,
  data: {},
  stream: 'pipeline-p1',
  revision: 0,
  position: 1,
  causationId: 'c',
  correlationId: 'p1',
  actor: { kind: 'system', id: 'test' },
  recordedAt: '2030-01-01T00:00:00.000Z',
});

const skipping: Decider<object, { type: string; jobId: string }, EventsOf<{ JobSkipped: typeof JobSkipped }>> = {
  initialState: () => ({}),
  evolve: (state) => state,
  decide: ({ jobId }) => [JobSkipped({ pipelineId: 'p1', jobId, because: { rule: 'test', detail: 'test', jobs: [] } })],
};

describe('the traces of a service', () => {
  let collector: Server;
  let spans: Span[];
  let tracing: Tracing;

  beforeEach(async () => {
    spans = [];
    collector = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Export;
        spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', () => resolve()));
    const { port } = collector.address() as AddressInfo;
    tracing = new Tracing('scheduler', '1.0.0', `http://127.0.0.1:${port}/v1/traces`);
  });
  afterEach(async () => {
    await tracing.close();
    collector.closeAllConnections();
    await new Promise((resolve) => collector.close(resolve));
  });

  it('are one tree for a pipeline: what is appended while an event is handled hangs below that', async () => {
    const [planned, queued] = [event('a', 'PipelinePlanned'), event('b', 'JobQueued')];
    tracing.stored([planned], Date.now());
    await tracing.handling('scheduler', planned, async () => {
      await Promise.resolve();
      tracing.stored([queued], Date.now());
    });
    await tracing.close();
    const [first, second, third] = ['PipelinePlanned', 'scheduler PipelinePlanned', 'JobQueued'].map((name) =>
      spans.find((span) => span.name === name)!,
    );
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect([first!.parentSpanId, second!.parentSpanId, third!.parentSpanId]).toEqual([
      undefined,
      first!.spanId,
      second!.spanId,
    ]);
  });

  it('name the span of an event to whoever has the event, in another process too', async () => {
    tracing.stored([event('a', 'PipelinePlanned')], Date.now());
    await tracing.close();
    const { traceparent } = tracing.headersOf(event('a', 'PipelinePlanned'));
    expect(traceparent).toBe(`00-${spans[0]!.traceId}-${spans[0]!.spanId}-01`);
  });

  it('hang what commands store together each below the handling that gave it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'foldline-tracing-'));
    const store = await openEmbeddedEventStore({ directory, now: systemClock.now });
    const commands = new Commands(store, systemClock, 'scheduler', (...stored) => tracing.stored(...stored));
    const causes = ['a', 'b', 'c', 'd'];
    const positions = await Promise.all(
      causes.map(async (id) => {
        let position = 0;
        await tracing.handling('scheduler', event(id, `Cause${id}`), async () => {
          const command = { type: 'Skip', jobId: `p1.${causes.indexOf(id)}` };
          const cause = { id, correlationId: 'p1', actor: { kind: 'system', id: 'test' } } as const;
          position = (await commands.handle('pipeline-p1', skipping, command, cause)).events[0]!.position;
        });
        return position;
      }),
    );
    await store.close();
    rmSync(directory, { recursive: true });
    await tracing.close();
    expect(positions).toEqual([1, 2, 3, 4]);
    const handlingOf = (id: string) => spans.find(({ name }) => name === `scheduler Cause${id}`)!.spanId;
    const skipped = spans.filter(({ name }) => name === 'JobSkipped');
    expect(new Set(skipped.map(({ parentSpanId }) => parentSpanId))).toEqual(new Set(causes.map(handlingOf)));
  });

  it('tell of a handling that failed, and let the error through', async () => {
    const failing = tracing.handling('scheduler', event('a', 'PipelinePlanned'), async () => {
      throw new Error('cannot');
    });
    await expect(failing).rejects.toThrow('cannot');
    await tracing.close();
    expect(spans[0]!.status.code).toBe(2);
  });
});
