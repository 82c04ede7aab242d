export * from './sqlite.ts';
export * from './sqlite-failure.ts';
