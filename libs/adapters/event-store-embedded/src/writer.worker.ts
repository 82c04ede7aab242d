import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { openDatabase, reasonOf, sqliteFailure, type Database } from '@foldline/sqlite';
import { lengthenFile } from './lengthen-file.ts';
import type { AppendRequest } from './append-request.ts';
import { LogWriter } from './log-writer.ts';
import { CATEGORY_INDEX, prepareLog } from './schema.ts';
import type { FromWriter, ToWriter, WriterStart } from './writer-messages.ts';

/** What one transaction takes at most; the rest waits for the next, so that nobody's answer waits for a huge one. */
const COMMIT_EVENTS = 2_000;
const COMMIT_SIZE = 8 * 1024 * 1024;
/** A WAL of this many pages is copied into the database and written again from its beginning. */
const CHECKPOINT_PAGES = 1_000;
/** Somewhat more than such a WAL has, so that it seldom grows. */
const WAL_BYTES = 5 * 1024 * 1024;
/**
 * After an append that came right behind the one before, the next is looked for this long before sleeping: waking a
 * thread costs a third of a durable append.
 */
const LINGER_MS = 0.12;
const BRISK_MS = 0.6;

const start = workerData as WriterStart;
const wake = new Int32Array(start.wake);
const queue: AppendRequest[] = [];
const send = (message: FromWriter): void => start.port.postMessage(message, []);

const open = (): Database => {
  const database = openDatabase(start.path);
  prepareLog(database, start.now);
  database.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  database.exec('PRAGMA cache_size = -16000');
  if (start.maximumBytes !== undefined) {
    const pageSize = Number(database.prepare('PRAGMA page_size').get()?.page_size);
    database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(start.maximumBytes / pageSize))}`);
  }
  return database;
};

const nextBatch = (): AppendRequest[] => {
  let [count, events, size] = [0, 0, 0];
  for (const request of queue) {
    events += request.events.length;
    size += request.size;
    if (count > 0 && (events > COMMIT_EVENTS || size > COMMIT_SIZE)) break;
    count += 1;
  }
  return queue.splice(0, count);
};

const commitNext = (writer: LogWriter): void => {
  const requests = nextBatch();
  try {
    send({ kind: 'replies', replies: writer.commit(requests) });
  } catch (error) {
    if (sqliteFailure(error) !== 'busy') throw error;
    send({ kind: 'busy', keys: requests.map(({ key }) => key), message: reasonOf(error) });
  }
};

/** Sleeps until the other side has sent something. `brisk`: something came just now, so more is likely at once. */
const waitForMore = (brisk: boolean): void => {
  const end = performance.now() + (brisk ? LINGER_MS : 0);
  while (Atomics.load(wake, 0) === 0 && performance.now() < end);
  Atomics.wait(wake, 0, 0);
  Atomics.store(wake, 0, 0);
};

/** Takes everything that has been sent; true when the log is to be closed. */
const receive = (database: Database, writer: LogWriter): boolean => {
  for (let received = receiveMessageOnPort(start.port); received; received = receiveMessageOnPort(start.port)) {
    const message = received.message as ToWriter;
    if (message.kind === 'append') {
      queue.push(...message.requests);
      continue;
    }
    while (queue.length > 0) commitNext(writer);
    if (message.kind === 'close') return true;
    database.exec(CATEGORY_INDEX);
    send({ kind: 'indexed' });
  }
  return false;
};

const serve = (database: Database, writer: LogWriter): void => {
  let idleSince = performance.now();
  while (!receive(database, writer)) {
    if (queue.length > 0) {
      commitNext(writer);
      continue;
    }
    const before = idleSince;
    idleSince = performance.now();
    waitForMore(idleSince - before < BRISK_MS);
  }
};

const run = (): void => {
  const database = open();
  try {
    const valueOf = database.prepare('SELECT value FROM meta WHERE key = ?');
    const writer = new LogWriter(database);
    const [storeId, epoch] = ['store_id', 'epoch'].map((key) => String(valueOf.get(key)?.value));
    send({ kind: 'ready', storeId: storeId ?? '', epoch: Number(epoch) });
    // Not before: readers need not wait for it.
    lengthenFile(`${start.path}-wal`, WAL_BYTES);
    serve(database, writer);
  } finally {
    database.close();
  }
};

try {
  run();
  send({ kind: 'closed' });
} catch (error) {
  // A failed write or sync is never tried again: the kernel may have dropped the pages and report success the second
  // time. What the disk holds is found out by opening the log anew.
  send({ kind: 'broken', failure: sqliteFailure(error), message: reasonOf(error) });
}
start.port.close();
