import { join } from 'node:path';
import { createEmbeddedBus, logFailures } from '@foldline/bus-embedded';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import { soleClaims, withLargePayloads, type Ports, type Projection, type Settings } from '@foldline/kernel';
import { openFileLogStore } from '@foldline/log-store-files';
import { openFileObjectStore } from '@foldline/object-store-files';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { keptSecret } from './kept-secret.ts';
import { openLocalTools } from './local-tools.ts';
import { PROJECTION_NAME, Projector } from './projector.ts';
import { aesSecretBox, localSignals } from './system.ts';

export type EmbeddedPorts = { ports: Ports; close: () => Promise<void> };

/** Opens every embedded adapter in the data directory. The event log is locked first: a second server gets no further. */
export const openEmbeddedPorts = async (
  settings: Settings,
  projections: readonly Projection[],
  /** Names what the projections make of the log: documents made under another name are thrown away. */
  projectionName = PROJECTION_NAME,
): Promise<EmbeddedPorts> => {
  const tools = openLocalTools(settings);
  const { clock, logger } = tools.ports;
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
    onHandlingFailure: logFailures(logger),
  });
  const key = Buffer.from(keptSecret(settings.dataDirectory, 'secret-key', '').value, 'base64url');
  const ports: Ports = {
    settings,
    eventStore,
    eventBus,
    signals: localSignals(),
    claims: soleClaims(),
    objectStore,
    readStore,
    readModels: projector,
    logStore,
    secretBox: aesSecretBox(key),
    ...tools.ports,
  };
  const close = async (): Promise<void> => {
    await eventBus.close();
    await tools.close();
    await projector.stop();
    await readStore.close();
    await eventStore.close();
  };
  return { ports, close };
};
