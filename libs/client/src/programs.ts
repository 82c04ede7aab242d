import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ServiceName } from '@foldline/contracts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** The standalone server: the bundle, as `npm start` runs it, unless something was built after it was made. */
export const serverProgram = (): string =>
  newer(join(ROOT, 'apps/standalone/bundle/main.js'), join(ROOT, 'apps/standalone/dist/main.js'));

/** The program of one service of the distributed mode, by the same rule. */
export const serviceProgram = (service: ServiceName): string =>
  newer(join(ROOT, 'dist/services', `${service}.js`), join(ROOT, 'apps', service, 'dist/main.js'));

/**
 * What Node is given to start the server, or this service. A module that is to be loaded first finds the programs as they
 * were built, each library in a file of its own, since it can put nothing around what a bundle has inside.
 */
export const startOf = (service: ServiceName | 'standalone', preload: string | undefined): string[] => {
  if (preload !== undefined) return ['--import', preload, join(ROOT, 'apps', service, 'dist/main.js')];
  return [service === 'standalone' ? serverProgram() : serviceProgram(service)];
};

/** The server that speaks EventStoreDB's protocol, for tests. */
export const EVENT_STORE_PROGRAM = join(ROOT, 'infra/ci/event-store/main.mjs');

const newer = (bundled: string, built: string): string => {
  const projects = ['apps', 'libs', 'libs/adapters'].flatMap((parent) =>
    readdirSync(join(ROOT, parent)).map((name) => join(ROOT, parent, name)),
  );
  const builtAt = Math.max(...projects.map((project) => modified(join(project, 'dist/.tsbuildinfo'))));
  return modified(bundled) > builtAt ? bundled : built;
};

const modified = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
