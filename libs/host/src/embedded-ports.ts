import { join } from 'node:path';
import { createEmbeddedBus } from '@foldline/bus-embedded';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import { createProcessExecutor } from '@foldline/executor-process';
import { createGitRepositories } from '@foldline/git-cli';
import { withLargePayloads, type Ports, type Projection, type Settings } from '@foldline/kernel';
import { openFileLogStore } from '@foldline/log-store-files';
import { openFileObjectStore } from '@foldline/object-store-files';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { Spawner } from '@foldline/spawner';
import { keptSecret } from './kept-secret.ts';
import { createLogger } from './log.ts';
import { PROJECTION_NAME, Projector } from './projector.ts';
import { aesSecretBox, localSignals, systemClock, ulidIds } from './system.ts';

export type EmbeddedPorts = { ports: Ports; close: () => Promise<void> };

/** Opens every embedded adapter in the data directory. The event log is locked first: a second server gets no further. */
export const openEmbeddedPorts = async (
  settings: Settings,
  projections: readonly Projection[],
  /** Names what the projections make of the log: documents made under another name are thrown away. */
  projectionName = PROJECTION_NAME,
): Promise<EmbeddedPorts> => {
  const clock = systemClock;
  const logger = createLogger(settings.logLevel);
  const directory = (name: string): string => join(settings.dataDirectory, name);
  const log = await openEmbeddedEventStore({ directory: directory('events'), now: clock.now });
  const [objectStore, logStore] = await Promise.all([
    openFileObjectStore({ directory: directory('objects') }),
    openFileLogStore({ directory: directory('logs') }),
  ]);
  // Apart from the artifacts: what expires there must never take an event's data with it.
  const payloads = await openFileObjectStore({ directory: directory('payloads') });
  const eventStore = withLargePayloads(log, payloads);
  const readStore = await openEmbeddedReadStore({
    directory: directory('read-models'),
    projection: projectionName,
    onReset: (reason: string) => logger.warn({ reason }, 'the read models are rebuilt from the log'),
  });
  const projector = new Projector(eventStore, readStore, projections, clock, logger, projectionName);
  await projector.start();
  const eventBus = await createEmbeddedBus({
    store: eventStore,
    directory: directory('bus'),
    now: clock.now,
    sleep: clock.sleep,
  });
  const spawner = new Spawner();
  const key = Buffer.from(keptSecret(settings.dataDirectory, 'secret-key', '').value, 'base64url');
  const ports: Ports = {
    settings,
    eventStore,
    eventBus,
    signals: localSignals(),
    objectStore,
    readStore,
    readModels: projector,
    logStore,
    executor: createProcessExecutor({
      baseEnvironment: inherited(JOB_INHERITS),
      directory: directory('runners/pipes'),
      spawner,
    }),
    sourceRepository: createGitRepositories({
      directory: directory('repos'),
      environment: inherited(['PATH', 'HOME', 'SSH_AUTH_SOCK']),
      spawner,
    }),
    clock,
    ids: ulidIds(),
    secretBox: aesSecretBox(key),
    logger,
  };
  const close = async (): Promise<void> => {
    await eventBus.close();
    await spawner.close();
    await projector.stop();
    await readStore.close();
    await eventStore.close();
  };
  return { ports, close };
};

/** What a job's shell inherits from the server: where programs are, and nothing that is the server's own business. */
const JOB_INHERITS = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'USER', 'SHELL'];
const inherited = (names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
