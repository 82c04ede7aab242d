import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KafkaBus, Relay } from '@foldline/bus-kafka';
import { EsdbEventStore } from '@foldline/event-store-esdb';
import { createProcessExecutor } from '@foldline/executor-process';

const { Kafka } = createRequire(new URL('../../../libs/adapters/bus-kafka/package.json', import.meta.url))('kafkajs');

const around = (prototype, method, wrapper) => {
  const inner = prototype[method];
  prototype[method] = function (...args) {
    return wrapper.call(this, (...given) => inner.apply(this, given), ...args);
  };
};

/** `wrapper(append, stream, events, expected)`: each append of the service. */
export const aroundAppends = (wrapper) => around(EsdbEventStore.prototype, 'append', wrapper);

/** `wrapper(event, group, work)`: each handling of an event; what is done is committed after it. */
export const aroundHandlers = (wrapper) =>
  around(KafkaBus.prototype, 'subscribe', (subscribe, group, handler, options) =>
    subscribe(group, (event, ...more) => wrapper(event, group, () => handler(event, ...more)), options),
  );

/** `wrap(outlet)` is given where the relay publishes and keeps its checkpoints, and answers with another. */
export const aroundOutlet = (wrap) =>
  around(Relay.prototype, 'start', function (start) {
    this.options = { ...this.options, ...wrap(this.options) };
    start();
  });

/** `wrapper(commit)`: each commit of what a consumer has done. */
export const aroundCommits = (wrapper) =>
  around(Kafka.prototype, 'consumer', (consumerOf, options) => {
    const consumer = consumerOf(options);
    const commit = consumer.commitOffsets;
    return { ...consumer, commitOffsets: (...args) => wrapper(() => commit(...args)) };
  });

/** `wrapper(start, site, spec)`: each start of a job's shell. */
export const aroundSpawns = (wrapper) => {
  const directory = mkdtempSync(join(tmpdir(), 'foldline-executor-'));
  const executor = createProcessExecutor({ baseEnvironment: {}, directory, spawner: {} });
  around(Object.getPrototypeOf(executor), 'start', wrapper);
  rmSync(directory, { recursive: true });
};
