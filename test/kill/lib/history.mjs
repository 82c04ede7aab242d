import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openEventLogForReading } from '@foldline/event-store-embedded';
import { verifyReplay } from '@foldline/host';
import { withLargePayloads } from '@foldline/kernel';
import { openFileObjectStore } from '@foldline/object-store-files';
import { READ_MODELS, READ_MODELS_NAME } from '@foldline/read-models';
import { openReadStoreSnapshot } from '@foldline/read-store-embedded';
import { openDatabase } from '@foldline/sqlite';
import { findLeftovers } from '../../faults/lib/leftovers.mjs';
import { allEvents, shownTrees } from '../../faults/lib/pages.mjs';
import { readSide } from '../../faults/lib/side.mjs';

const readEvents = async (dataDirectory) => {
  const log = openEventLogForReading({ directory: join(dataDirectory, 'events') });
  try {
    const payloads = await openFileObjectStore({ directory: join(dataDirectory, 'payloads') });
    const store = withLargePayloads(log, payloads);
    return await allEvents(store);
  } finally {
    await log.close();
  }
};

const replayOf = (dataDirectory) =>
  verifyReplay(dataDirectory, READ_MODELS, READ_MODELS_NAME).catch((error) => ({
    failure: String(error),
    differences: [],
  }));

const readTrees = async (dataDirectory) => {
  const reads = openReadStoreSnapshot({ directory: join(dataDirectory, 'read-models') });
  try {
    return await shownTrees(reads);
  } finally {
    await reads.close();
  }
};

const readLogs = (dataDirectory) => {
  const logs = new Map();
  const root = join(dataDirectory, 'logs');
  for (const shard of readdirSync(root)) {
    for (const name of readdirSync(join(root, shard))) {
      const [, attemptId, kind] = /^(.*)\.(log|sealed)$/.exec(name) ?? [];
      logs.set(attemptId ?? name, { bytes: readFileSync(join(root, shard, name)), sealed: kind === 'sealed' });
    }
  }
  return logs;
};

const readCheckpoints = (dataDirectory) => {
  const database = openDatabase(join(dataDirectory, 'bus', 'bus.db'));
  const rows = database.prepare('SELECT consumer, position FROM checkpoints').all();
  database.close();
  return Object.fromEntries(rows.map(({ consumer, position }) => [consumer, Number(position)]));
};

const readObjects = async (dataDirectory, trees) => {
  const root = join(dataDirectory, 'objects');
  const paths = new Map(
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => [entry.name, join(entry.parentPath ?? entry.path, entry.name)]),
  );
  return { trees, objects: (digest) => (paths.has(digest) ? readFileSync(paths.get(digest)) : undefined) };
};

/** Everything that a stopped server and its jobs left on disk, as the checks want it. */
export const readHistory = async ({ directory, dataDirectory, side }) => {
  const events = await readEvents(dataDirectory);
  return {
    events,
    lastPosition: events.at(-1)?.position ?? 0,
    replay: await replayOf(dataDirectory),
    ...(await readObjects(dataDirectory, await readTrees(dataDirectory))),
    logs: readLogs(dataDirectory),
    side: readSide(side),
    checkpoints: readCheckpoints(dataDirectory),
    leftovers: findLeftovers(directory, dataDirectory),
  };
};
