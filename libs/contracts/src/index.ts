export * from './event.ts';
export * from './ids.ts';
export * from './plan.ts';
export * from './problem.ts';
export * from './streams.ts';
