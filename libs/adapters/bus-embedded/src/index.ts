export { EmbeddedBus, createEmbeddedBus, type EmbeddedBusOptions } from './embedded-bus.ts';
export { logFailures, type Retry } from '@foldline/delivery';
