import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Kafka, logLevel, type KafkaMessage } from 'kafkajs';
import { SERVICES, type ServiceName } from '@foldline/contracts';
import { Sandbox, START_MS, until } from '@foldline/client';
import { withRealServer } from '@foldline/testing';
import { clear } from '../cli/cluster.ts';
import { TraceCollector, type CollectedSpan } from './trace-collector.ts';

const DEFINITION = `
stages: [build, ship]
build: { stage: build, script: mkdir out && echo made > out/it, artifacts: { paths: [out/] } }
ship: { stage: ship, script: cat out/it, environment: { name: production } }
`;
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/;
/** All but the gateway, for no job starts a pipeline. */
const HANDLING: ServiceName[] = SERVICES.filter((name) => name !== 'api-gateway');
/** All but the notifier, for nobody has subscribed. */
const APPENDING: ServiceName[] = SERVICES.filter((name) => name !== 'notifier');

type Line = { msg: string; service?: string; eventId?: string; eventType?: string } & Record<string, unknown>;

withRealServer('FOLDLINE_TEST_REDIS_URL', (redis) =>
  withRealServer('FOLDLINE_TEST_KAFKA_BROKERS', (kafka) =>
    withRealServer('FOLDLINE_TEST_S3_URL', (s3) => {
      describe('what seven services tell of two pipelines that wait for one place on a runner', () => {
        let collector: TraceCollector;
        let sandbox: Sandbox;
        let pipelines: string[];
        let measures: Map<ServiceName, { type: string | null; text: string }>;
        let messages: KafkaMessage[];
        let lines: Map<ServiceName, Line[]>;

        beforeAll(async () => {
          collector = await TraceCollector.start();
          const settings = {
            FOLDLINE_OTLP_URL: collector.url,
            FOLDLINE_LOG_LEVEL: 'debug',
            FOLDLINE_RUNNERS: 'only:low-power:1',
          };
          sandbox = await Sandbox.start(settings, {}, { topology: 'distributed' });
          sandbox.commit({ '.codara-ci.yml': DEFINITION });
          const accepted = await Promise.all([sandbox.trigger(), sandbox.trigger()]);
          pipelines = accepted.map(({ id }) => id);
          for (const id of pipelines) {
            const { status } = await sandbox.rested(id);
            expect(status).toBe('success');
          }
          const { cluster } = sandbox;
          for (const name of SERVICES) await until(`${name} to have handled all`, () => isUpToDate(name));
          measures = new Map(await Promise.all(SERVICES.map(async (name) => [name, await measuresOf(name)] as const)));
          messages = await messagesOf(kafka, `${cluster.namespace}.events.v1`);
          // With the end of a service its last spans are sent.
          await cluster.stopServices();
          lines = new Map(SERVICES.map((name) => [name, linesOf(cluster.service(name).log())]));
        }, START_MS + 90_000);

        afterAll(async () => {
          const { namespace } = sandbox.cluster;
          await sandbox.stop();
          await collector.stop();
          const { protocol, host, username, password } = new URL(s3);
          await clear({
            FOLDLINE_NAMESPACE: namespace,
            FOLDLINE_KAFKA_BROKERS: kafka,
            FOLDLINE_REDIS_URL: redis,
            FOLDLINE_S3_URL: `${protocol}//${host}/${namespace}`,
            FOLDLINE_S3_ACCESS_KEY: decodeURIComponent(username),
            FOLDLINE_S3_SECRET_KEY: decodeURIComponent(password),
          });
        }, START_MS);

        const measuresOf = async (name: ServiceName): Promise<{ type: string | null; text: string }> => {
          const answer = await fetch(`${sandbox.cluster.service(name).opsUrl}/metrics`);
          return { type: answer.headers.get('content-type'), text: await answer.text() };
        };
        const isUpToDate = async (name: ServiceName): Promise<boolean> => {
          const { text } = await measuresOf(name);
          const late = ['foldline_relay_lag_seconds', 'foldline_consumer_lag'];
          return late.every((metric) => text.includes(`\n${metric}{service="${name}"} 0\n`));
        };

        it('is one trace for each pipeline, over all services: a tree below the request', () => {
          const traces = pipelines.map((id) => {
            const spans = collector.about(id);
            const [traceId, ...others] = new Set(spans.map((span) => span.traceId));
            expect(others).toEqual([]);
            expect(collector.spans.filter((span) => span.traceId === traceId)).toEqual(spans);
            expect(new Set(spans.map(({ service }) => service))).toEqual(
              new Set(SERVICES.map((name) => `foldline-${name}`)),
            );
            const known = new Set(spans.map(({ spanId }) => spanId));
            expect(known.size).toBe(spans.length);
            const roots = spans.filter(({ parentSpanId }) => parentSpanId === undefined);
            expect(roots.map(({ name, service }) => [name, service])).toEqual([
              ['PipelineRequested', 'foldline-api-gateway'],
            ]);
            expect(spans.filter(({ parentSpanId }) => parentSpanId && !known.has(parentSpanId))).toEqual([]);
            return traceId;
          });
          expect(new Set(traces).size).toBe(pipelines.length);
        });

        it('has a span for each event, and below it one for each time that it was handled', () => {
          for (const id of pipelines) {
            const spans = collector.about(id);
            const eventOf = ({ attributes }: CollectedSpan): string => attributes['messaging.message.id']!;
            const events = new Map(
              spans.filter(({ name }) => !name.includes(' ')).map((span) => [eventOf(span), span]),
            );
            expect([...events.keys()].toSorted()).toEqual(
              messages
                .filter(({ key }) => key?.toString() === id)
                .map((message) => header(message, 'eventId'))
                .toSorted(),
            );
            for (const handling of spans.filter(({ name }) => name.includes(' ')))
              expect(handling.parentSpanId).toBe(events.get(eventOf(handling))!.spanId);
          }
        });

        it('goes with each event in Kafka, as the header of W3C trace context that names the span of the event', () => {
          for (const id of pipelines) {
            const spans = collector.about(id);
            const ofPipeline = messages.filter(({ key }) => key?.toString() === id);
            expect(ofPipeline.length).toBeGreaterThan(10);
            for (const message of ofPipeline) {
              const [, traceId, spanId] = TRACEPARENT.exec(header(message, 'traceparent')) ?? [];
              expect(spans).toContainEqual(expect.objectContaining({ traceId, spanId, name: header(message, 'type') }));
            }
          }
        });

        it.each([...SERVICES])('is measured by %s in OpenMetrics text, under its name', (name) => {
          const { type, text } = measures.get(name)!;
          expect(type).toMatch(/^application\/openmetrics-text;/);
          expect(text.endsWith('# EOF\n')).toBe(true);
          expect(text).toContain('# TYPE foldline_append_seconds histogram\n');
          const samples = text.split('\n').filter((line) => line.startsWith('foldline_'));
          expect(samples.filter((line) => !line.includes(`service="${name}"`))).toEqual([]);
          const counted = (metric: string): boolean =>
            samples.some((line) => line.startsWith(`${metric}{`) && Number(line.split(' ').at(-1)) > 0);
          expect(counted('foldline_append_seconds_count')).toBe(APPENDING.includes(name));
          expect(counted('foldline_event_handling_seconds_count')).toBe(HANDLING.includes(name));
          expect(samples.some((line) => line.startsWith('foldline_consumer_lag{'))).toBe(true);
        });

        it('tells at the gateway how many builds and deployments of services there are', () => {
          const { text } = measures.get('api-gateway')!;
          for (const status of ['queued', 'building', 'success', 'failed'])
            expect(text).toContain(`foldline_builds{status="${status}",service="api-gateway"} 0\n`);
          for (const status of ['queued', 'deploying', 'success', 'failed', 'rolled_back'])
            expect(text).toContain(`foldline_service_deployments{status="${status}",service="api-gateway"} 0\n`);
        });

        it.each(HANDLING)(
          'is in the log of %s a line for each event that it has handled, with what that is about',
          (name) => {
            const events = new Map(messages.map((message) => [header(message, 'eventId'), message]));
            const handled = lines.get(name)!.filter(({ msg }) => msg === 'an event was handled');
            for (const id of pipelines) {
              const ofPipeline = handled.filter(({ pipelineId }) => pipelineId === id);
              const spans = collector.about(id).filter(({ name: span }) => span.startsWith(`${name} `));
              expect(ofPipeline.map(({ eventType }) => `${name} ${eventType}`).toSorted()).toEqual(
                spans.map((span) => span.name).toSorted(),
              );
              for (const { service, eventId, eventType } of ofPipeline) {
                const message = events.get(eventId!)!;
                expect([service, eventType, id]).toEqual([name, header(message, 'type'), message.key!.toString()]);
              }
            }
          },
        );

        it.each([
          ['runner', 'JobAssigned'],
          ['scheduler', 'AttemptFinished'],
        ] as const)('names in the log of the %s the job and the attempt of each %s', (name, type) => {
          const about = lines
            .get(name)!
            .filter(({ msg, eventType }) => msg === 'an event was handled' && eventType === type)
            .map(({ pipelineId, jobId, attemptId }) => [pipelineId, jobId, attemptId]);
          const expected = pipelines.flatMap((id) => [0, 1].map((n) => [id, `${id}.${n}`, `${id}.${n}.1`]));
          expect(about.toSorted()).toEqual(expected.toSorted());
        });

        it('has in every line of a log the name of the service', () => {
          for (const [name, all] of lines) expect(all.filter(({ service }) => service !== name)).toEqual([]);
        });
      });
    }),
  ),
);

const linesOf = (log: string): Line[] =>
  log
    .split('\n')
    .filter((text) => text.startsWith('{'))
    .map((text) => JSON.parse(text) as Line);

const header = ({ headers }: KafkaMessage, name: string): string => String(headers?.[name]);

/** Everything that is in a topic now. */
const messagesOf = async (brokers: string, topic: string): Promise<KafkaMessage[]> => {
  const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const count = ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  const consumer = kafka.consumer({ groupId: `${topic}.spec` });
  const found: KafkaMessage[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => void found.push(message) });
  await until(`${count} messages of ${topic}`, () => found.length >= count);
  await consumer.disconnect();
  return found;
};
