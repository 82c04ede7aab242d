import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DamagedLog, NO_STREAM, PermanentError, Refusal } from '@foldline/kernel';
import { openDatabase } from '@foldline/sqlite';
import { eventStoreContract, sampleEvent, sampleEvents } from '@foldline/testing';
import { openEventLogForReading } from './event-log-for-reading.ts';
import { openEmbeddedEventStore, type EmbeddedEventStore } from './embedded-event-store.ts';

const now = (): string => new Date().toISOString();
const makeDirectory = (): string => mkdtempSync(join(tmpdir(), 'foldline-events-'));

eventStoreContract('embedded', async () => {
  const directory = makeDirectory();
  let store = await openEmbeddedEventStore({ directory, now });
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await openEmbeddedEventStore({ directory, now });
      return store;
    },
    close: async () => {
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
});

describe('the embedded event store', () => {
  const stream = 'pipeline-one';
  let directory: string;
  let store: EmbeddedEventStore;

  beforeEach(async () => {
    directory = makeDirectory();
    store = await openEmbeddedEventStore({ directory, now });
  });
  afterEach(async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  });

  const failure = async (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => 'accepted',
      (error: unknown) => error,
    );
  /** Changes the stored log behind the store's back. */
  const tamper = async (sql: string): Promise<void> => {
    await store.close();
    const database = openDatabase(join(directory, 'events.db'));
    database.exec(sql);
    database.close();
    store = await openEmbeddedEventStore({ directory, now });
  };

  it('keeps its id for life, and another log has another', async () => {
    const { storeId } = store;
    await store.close();
    store = await openEmbeddedEventStore({ directory, now });
    expect(store).toMatchObject({ storeId, epoch: 1 });
    const other = makeDirectory();
    const second = await openEmbeddedEventStore({ directory: other, now });
    expect(second.storeId).not.toBe(storeId);
    await second.close();
    rmSync(other, { recursive: true });
  });

  describe('when the log has been changed behind its back', () => {
    beforeEach(async () => {
      await store.append(stream, sampleEvents(4), NO_STREAM);
      await store.append('pipeline-two', sampleEvents(2), NO_STREAM);
    });

    it.each([
      ['data', `data = replace(data, 'two', 'twO')`],
      ['version', 'version = 2'],
      ['time', `recorded_at = '2020-01-01T00:00:00.000Z'`],
      ['actor', `actor = '{"kind":"system","id":"someone"}'`],
      ['cause', `causation = 'another'`],
      ['hash', `hash = replace(hash, substr(hash, 1, 1), 'g')`],
    ])('refuses to read a record with another %s and names its place', async (_what, change) => {
      await tamper(`UPDATE events SET ${change} WHERE stream = '${stream}' AND revision = 2`);
      const damage = { stream, position: 3 };
      for (const read of [
        () => store.readStream(stream),
        () => store.readAll({ after: 0, limit: 10 }),
        () => store.follow(0, () => undefined, new AbortController().signal),
        () => store.verify(),
      ]) {
        const error = await failure(read());
        expect(error).toBeInstanceOf(DamagedLog);
        expect(error).toMatchObject(damage);
      }
    });

    it('goes on serving the streams that are well', async () => {
      await tamper(`UPDATE events SET type = 'Other' WHERE stream = '${stream}' AND revision = 2`);
      expect(await store.readStream('pipeline-two')).toHaveLength(2);
      expect((await store.append('pipeline-two', sampleEvents(1), 1)).revision).toBe(2);
    });

    it('refuses a stream from which a record was taken', async () => {
      await tamper(`DELETE FROM events WHERE stream = '${stream}' AND revision = 1`);
      expect(await failure(store.readStream(stream))).toMatchObject({ name: 'DamagedLog', stream, position: 3 });
      expect(await failure(store.readStream(stream, 1))).toMatchObject({ name: 'DamagedLog', stream, position: 3 });
      expect(await failure(store.verify())).toMatchObject({ name: 'DamagedLog', stream, position: 3 });
    });

    it('misses a stream that was taken out as a whole', async () => {
      await tamper(`DELETE FROM events WHERE stream = '${stream}'`);
      expect(await failure(store.verify())).toMatchObject({ name: 'DamagedLog', stream: '*', position: 6 });
    });

    it('refuses a stream whose records were exchanged', async () => {
      await tamper(`
        UPDATE events SET revision = 9 WHERE stream = '${stream}' AND revision = 1;
        UPDATE events SET revision = 1 WHERE stream = '${stream}' AND revision = 2;
        UPDATE events SET revision = 2 WHERE stream = '${stream}' AND revision = 9;`);
      expect(await failure(store.readStream(stream))).toMatchObject({ name: 'DamagedLog', stream, position: 3 });
    });

    it('appends nothing behind a damaged record, and fails nobody else for it', async () => {
      await tamper(`UPDATE events SET type = 'Other' WHERE stream = '${stream}' AND revision = 3`);
      const [damaged, well] = await Promise.all([
        failure(store.append(stream, sampleEvents(1), 3)),
        store.append('pipeline-two', sampleEvents(1), 1),
      ]);
      expect(damaged).toMatchObject({ name: 'DamagedLog', stream, position: 4 });
      expect(well.revision).toBe(2);
    });

    it('refuses to open a file that is no database', async () => {
      await store.close();
      for (const suffix of ['-wal', '-shm']) rmSync(join(directory, `events.db${suffix}`), { force: true });
      writeFileSync(join(directory, 'events.db'), 'x'.repeat(8192));
      expect(await failure(openEmbeddedEventStore({ directory, now }))).toBeInstanceOf(DamagedLog);
    });
  });

  it('verifies a sound log and counts it', async () => {
    expect(await store.verify()).toEqual({ events: 0, streams: 0 });
    for (let n = 0; n < 30; n += 1) await store.append(`pipeline-${n}`, sampleEvents(40), NO_STREAM);
    expect(await store.verify()).toEqual({ events: 1_200, streams: 30 });
  });

  it('refuses an event id that is stored in another place', async () => {
    const event = sampleEvent();
    await store.append(stream, [event], NO_STREAM);
    expect(await failure(store.append('pipeline-two', [event], NO_STREAM))).toBeInstanceOf(PermanentError);
    expect(await failure(store.append(stream, [sampleEvent(), event], 0))).toBeInstanceOf(PermanentError);
    expect(await store.readAll({ after: 0, limit: 9 })).toHaveLength(1);
  });

  it.each([
    ['no events', stream, []],
    ['an empty stream name', '', sampleEvents(1)],
    ['a control character in a name', 'pipeline-\u0000', sampleEvents(1)],
    ['half a character in an id', stream, [{ ...sampleEvent(), id: '\ud800' }]],
    ['data without a JSON form', stream, [{ ...sampleEvent(), data: undefined }]],
  ])('refuses to append %s', async (_what, to, events) => {
    expect(await failure(store.append(to, events, NO_STREAM))).toBeInstanceOf(PermanentError);
    expect(await store.lastPosition()).toBe(0);
  });

  it('keeps what was appended when the appender changes its object afterwards', async () => {
    const event = { ...sampleEvent(), data: { state: 'queued' } };
    const appending = store.append(stream, [event], NO_STREAM);
    event.data.state = 'changed';
    expect((await appending).events[0]?.data).toEqual({ state: 'queued' });
  });

  it('stops writing for good when the disk is full, and still reads', async () => {
    await store.close();
    store = await openEmbeddedEventStore({ directory, now, maximumBytes: 400_000 });
    const big = () => ({ ...sampleEvent(), data: { text: 'x'.repeat(50_000) } });
    const acknowledged: string[] = [];
    let error: unknown;
    for (let n = 0; n < 20 && !error; n += 1) {
      const event = big();
      error = await store.append(`pipeline-${n}`, [event], NO_STREAM).then(
        () => void acknowledged.push(event.id),
        (e: unknown) => e,
      );
    }
    expect(error).toBeInstanceOf(PermanentError);
    expect(acknowledged.length).toBeGreaterThan(2);
    expect(await failure(store.append('pipeline-small', sampleEvents(1), NO_STREAM))).toBeInstanceOf(PermanentError);
    expect((await store.readAll({ after: 0, limit: 99 })).map(({ id }) => id)).toEqual(acknowledged);
    await store.close();
    store = await openEmbeddedEventStore({ directory, now });
    expect((await store.append('pipeline-small', sampleEvents(1), NO_STREAM)).revision).toBe(0);
  });

  describe('opened for reading beside its writer', () => {
    it('reads and verifies what is stored, and what comes', async () => {
      const { events } = await store.append(stream, sampleEvents(3), NO_STREAM);
      const log = openEventLogForReading({ directory });
      expect(await log.readStream(stream)).toEqual(events);
      expect(await log.readAll({ after: 1, limit: 9, categories: ['pipeline'] })).toEqual(events.slice(1));
      await store.append('pipeline-two', sampleEvents(2), NO_STREAM);
      expect(await log.lastPosition()).toBe(5);
      expect(await log.verify()).toEqual({ events: 5, streams: 2 });
      await log.close();
    });

    it('appends nothing', async () => {
      await store.append(stream, sampleEvents(3), NO_STREAM);
      const log = openEventLogForReading({ directory });
      expect(await failure(log.append(stream, sampleEvents(1), 2))).toBeInstanceOf(PermanentError);
      expect(await log.readStream(stream)).toHaveLength(3);
      await log.close();
    });

    it('refuses a directory without a log and makes none', () => {
      const nowhere = join(directory, 'nowhere');
      expect(() => openEventLogForReading({ directory: nowhere })).toThrow(Refusal);
      expect(existsSync(nowhere)).toBe(false);
    });
  });

  describe('when the directory is open already', () => {
    it('refuses and names the process', async () => {
      const error = await failure(openEmbeddedEventStore({ directory, now }));
      expect(error).toBeInstanceOf(Refusal);
      expect(error).toMatchObject({ code: 'data_directory_in_use', fields: { directory, pid: String(process.pid) } });
      expect((await store.append(stream, sampleEvents(1), NO_STREAM)).revision).toBe(0);
    });

    it('opens it once it is closed', async () => {
      await store.close();
      store = await openEmbeddedEventStore({ directory, now });
      expect((await store.append(stream, sampleEvents(1), NO_STREAM)).revision).toBe(0);
    });
  });
});
