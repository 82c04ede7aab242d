export { EmbeddedBus, createEmbeddedBus, type EmbeddedBusOptions } from './embedded-bus.ts';
export type { Retry } from '@foldline/delivery';
