import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openEmbeddedEventStore, type EmbeddedEventStore } from '@foldline/event-store-embedded';
import { Refusal, type LogStore, type ObjectStore } from '@foldline/kernel';
import { openFileLogStore, storedLogs } from '@foldline/log-store-files';
import { openFileObjectStore, storedDigests } from '@foldline/object-store-files';

/** Objects of one kind in the data directory. */
export type SourceObjects = { store: ObjectStore; digests: () => Iterable<string> };

/** A standalone data directory that nobody else writes to until it is closed. */
export type Source = {
  directory: string;
  events: EmbeddedEventStore;
  objects: SourceObjects;
  payloads: SourceObjects;
  logs: { store: LogStore; attempts: () => Iterable<string> };
  close: () => Promise<void>;
};

/** Takes the right to write there, as a server does: refuses with `data_directory_in_use` while one runs. */
export const openSource = async (directory: string, now: () => string): Promise<Source> => {
  const below = (name: string): string => join(directory, name);
  if (!existsSync(join(below('events'), 'events.db')))
    throw new Refusal('no_event_log', `there is no event log in ${below('events')}: not a data directory`, {
      directory,
    });
  const events = await openEmbeddedEventStore({ directory: below('events'), now });
  try {
    const [objects, payloads, logs] = await Promise.all([
      openFileObjectStore({ directory: below('objects') }),
      openFileObjectStore({ directory: below('payloads') }),
      openFileLogStore({ directory: below('logs') }),
    ]);
    return {
      directory,
      events,
      objects: { store: objects, digests: () => storedDigests(below('objects')) },
      payloads: { store: payloads, digests: () => storedDigests(below('payloads')) },
      logs: { store: logs, attempts: () => storedLogs(below('logs')) },
      close: () => events.close(),
    };
  } catch (error) {
    await events.close();
    throw error;
  }
};

/** Refuses unless the services will open what this directory's server has sealed. Never says either key. */
export const requireSameKey = (directory: string, secretKey: Buffer): void => {
  const file = join(directory, 'secret-key');
  if (!existsSync(file)) return;
  const kept = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64url');
  if (kept.equals(secretKey)) return;
  throw new Refusal(
    'other_secret_key',
    `FOLDLINE_SECRET_KEY is not the key of ${directory}, so the cluster could open none of its secrets: give FOLDLINE_SECRET_KEY_FILE=${file}`,
  );
};

/** What of the secrets has to be given to the gateway, by the file that holds it. */
export const secretsToCarry = (directory: string): string[] =>
  [
    ['FOLDLINE_SECRET_KEY_FILE', 'secret-key'],
    ['FOLDLINE_ADMIN_TOKEN_FILE', 'admin-token'],
    ['FOLDLINE_WEBHOOK_SECRET_FILE', 'webhook-secret'],
  ]
    .map(([setting, name]) => ({ setting, file: join(directory, name!) }))
    .filter(({ file }) => existsSync(file))
    .map(({ setting, file }) => `${setting}=${file}`);
