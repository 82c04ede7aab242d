// Who may import what, as data. CONTRIBUTING.md holds the same table and a test compares them.

/**
 * By the tag in a project's package.json (`nx.tags: ["type:<tag>"]`).
 * `may`: tags of workspace packages. `packages`: everything else, a trailing `*` matches the rest of a name.
 * `specs`: tags that only its specs may import, besides `testing`, which every spec may.
 */
export const TAGS = {
  contracts: { may: [], packages: ['zod'] },
  kernel: { may: ['contracts'], packages: ['node:*', 'uuid'], specs: ['adapter', 'driver'] },
  language: { may: ['contracts'], packages: ['node:*', 're2js', 'unbash', 'yaml', 'zod'] },
  testing: {
    may: ['kernel', 'contracts'],
    packages: ['node:*', '@jest/globals', 'fast-check'],
    specs: ['adapter', 'driver'],
  },
  format: { may: [], packages: ['node:*', 'lz4-napi'] },
  driver: { may: ['kernel', 'contracts'], packages: ['node:*', '@photostructure/sqlite', 'ioredis', 'minio'] },
  adapter: {
    may: ['kernel', 'contracts', 'driver'],
    packages: ['*'],
    never: ['@nestjs/*'],
    specs: ['adapter'],
  },
  host: {
    may: ['adapter', 'driver', 'kernel', 'contracts'],
    packages: ['node:*', '@nestjs/*', 'pino', 'reflect-metadata', 'rxjs', 'ulid', 'zod'],
  },
  cluster: {
    may: ['host', 'adapter', 'driver', 'kernel', 'contracts'],
    packages: ['node:*', '@nestjs/*', '@opentelemetry/*', 'prom-client'],
  },
  'read-models': { may: ['kernel', 'contracts'], packages: [] },
  'api-client': { may: ['contracts'], packages: ['node:*', 'ws', 'zod'], specs: ['composition'] },
  service: {
    may: ['kernel', 'contracts'],
    packages: ['node:*', '@nestjs/*', 'rxjs', 'zod'],
    specs: ['host', 'adapter', 'read-models'],
  },
  composition: {
    may: ['service', 'read-models', 'host', 'kernel', 'contracts'],
    packages: ['node:*', '@nestjs/*', 'reflect-metadata'],
    specs: ['api-client', 'language'],
  },
  client: {
    may: ['language', 'api-client', 'read-models', 'host', 'kernel', 'contracts'],
    packages: ['node:*', 'commander', 'picocolors', 'zod'],
    specs: ['composition'],
  },
};

/** What single projects may import beyond their tag. */
export const PROJECTS = {
  'api-gateway': {
    may: ['language', 'read-models', 'format'],
    packages: [
      'class-transformer',
      'class-validator',
      'fastify',
      'rate-limiter-flexible',
      'reflect-metadata',
      'tar-stream',
      'ws',
    ],
  },
  cli: { may: ['cluster'], packages: ['tar-stream'] },
  'pipeline-language': { may: ['kernel'] },
  'pipeline-planner': { may: ['language'] },
  runner: { may: ['format'], packages: ['re2js', 'saxes'] },
  scheduler: { packages: ['tinyqueue'] },
};

/** Where a service is put into a process it may use the host; nowhere else, so that it runs in any. */
export const HOST_ALLOWED_IN = /\/main\.ts$|^apps\/api-gateway\/src\/create-gateway\.ts$/;

/** Specs, and what specs share: `*.fixture.ts` and `src/testing/`, which the project's tsconfig leaves out of the build. */
export const SPEC_FILE = /\.(?:spec|fixture)\.ts$|^apps\/[^/]+\/src\/testing\//;
export const SPEC_PACKAGES = [
  'node:*',
  '@jest/globals',
  '@nestjs/testing',
  'ajv',
  'fast-check',
  'reflect-metadata',
  'supertest',
  'zod',
];

/** Files without any outside world, and with them every file of their project that they import. */
export const isPureByName = (path) =>
  !SPEC_FILE.test(path) &&
  !REACHES_OUT.includes(path) &&
  (/\.(decider|evolve|projection)\.ts$/.test(path) || path.startsWith('libs/pipeline-language/src/'));

/** The two files by which the language is run in a process of its own. */
const REACHES_OUT = [
  'libs/pipeline-language/src/definition-compiler.ts',
  'libs/pipeline-language/src/compile-child.ts',
];
export const reachesOut = (path) => REACHES_OUT.includes(path);

export const PURE_NEVER_IMPORTS = ['node:*', '@nestjs/*'];
export const PURE_NEVER_SAYS = [
  [/\bnew\s+Date\s*(?:\(\s*\)|(?=[;,)\]}.]))/g, 'new Date()'],
  [/\bDate\s*\.\s*now\b/g, 'Date.now'],
  [/\bperformance\s*\./g, 'performance'],
  [/\bMath\s*\.\s*random\b/g, 'Math.random'],
  [/(?<![.\w])crypto\s*\./g, 'crypto'],
  [/(?<![.\w])process\s*(?:\.|\?\.|\[)/g, 'process'],
  [/(?<![.\w])fetch\s*\(/g, 'fetch'],
  [/\bconsole\s*\./g, 'console'],
  [/(?<![.\w])set(?:Timeout|Interval|Immediate)\s*\(/g, 'a timer'],
];

/**
 * Where the environment of the process is read, besides tests: where settings come from, and where a process is started
 * that inherits something of it.
 */
export const ENVIRONMENT = /(?<![.\w])process\s*(?:(?:\.|\?\.)\s*env\b|\[)/g;
const READS_ENVIRONMENT = [
  'libs/host/src/config.ts',
  'libs/host/src/local-tools.ts',
  'libs/client/src/topology.ts',
  'libs/client/src/sandbox.ts',
  'libs/testing/src/real-server.ts',
  // It empties its own.
  'libs/pipeline-language/src/compile-child.ts',
];
export const mayReadEnvironment = (path) =>
  READS_ENVIRONMENT.includes(path) || /^apps\/[^/]+\/src\/main\.ts$/.test(path);

/** Where events are appended, besides adapters and tests. */
export const mayAppend = (path) =>
  path === 'libs/kernel/src/handle-command.ts' ||
  path === 'libs/kernel/src/large-payloads.ts' ||
  path === 'libs/distributed/src/observed-event-store.ts' ||
  path === 'libs/distributed/src/migrate/copy-events.ts';
