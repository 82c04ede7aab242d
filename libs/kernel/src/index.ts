export * from './errors.ts';
export * from './ports/environment.ports.ts';
export * from './ports/event-bus.port.ts';
export * from './ports/event-store.port.ts';
export * from './ports/executor.port.ts';
export * from './ports/log-store.port.ts';
export * from './ports/object-store.port.ts';
export * from './ports/read-store.port.ts';
