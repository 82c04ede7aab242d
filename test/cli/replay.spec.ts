import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Sandbox, startServerProcess } from '@foldline/client';
import { openDatabase } from '@foldline/sqlite';
import { foldline, type Ended } from './run-cli.ts';

let sandbox: Sandbox;
let stopped: string;
let whileRunning: Ended;
let afterStop: Ended;
let atTheEnd: number | null;

beforeAll(async () => {
  sandbox = await Sandbox.start();
  await sandbox.run(
    'build:\n  script: touch a\n  artifacts: {paths: [a]}\n  cache: {paths: [a]}\nbad:\n  script: "false"\ndeploy:\n  script: "true"\n  environment: {name: test}\n',
  );
  whileRunning = await foldline(['replay', '--verify'], sandbox.server.dataDirectory);
  atTheEnd = await sandbox.server.stop();
  afterStop = await foldline(['replay', '--verify'], sandbox.server.dataDirectory);
  stopped = sandbox.server.dataDirectory;
}, 60_000);
afterAll(() => rmSync(sandbox.directory, { recursive: true, force: true }));

/** What a check says of a copy of the stopped server's data with one thing changed in it. */
const verifiedAfter = (file: string, ...statements: string[]): Promise<Ended> =>
  changed(file, statements, (copy) => foldline(['replay', '--verify'], copy));

const changed = async <Result>(
  file: string,
  statements: readonly string[],
  look: (copy: string) => Promise<Result>,
): Promise<Result> => {
  const copy = mkdtempSync(join(tmpdir(), 'foldline-tampered-'));
  try {
    const kept = (path: string): boolean => path !== join(stopped, 'runners');
    cpSync(stopped, copy, { recursive: true, filter: kept });
    const database = openDatabase(join(copy, file));
    for (const statement of statements) database.exec(statement);
    database.close();
    return await look(copy);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
};

describe('foldline replay --verify', () => {
  it('finds the rebuilt read models equal while the server runs', () => {
    expect(whileRunning).toMatchObject({ code: 0, stderr: '' });
    expect(whileRunning.stdout).toMatch(/\d+ events in \d+ streams: every hash chain holds/);
    expect(whileRunning.stdout).toMatch(
      /[1-9]\d* documents and [1-9]\d* index entries rebuilt up to position \d+: equal to the live ones/,
    );
  });

  it('finds them equal after the server has stopped in order', () => {
    expect(atTheEnd).toBe(0);
    expect(afterStop).toMatchObject({ code: 0, stderr: '' });
    expect(afterStop.stdout).toContain('equal to the live ones');
  });

  it('fails and names the document that was changed by hand', async () => {
    const { code, stdout } = await verifiedAfter(
      'read-models/read-models.db',
      `UPDATE documents SET doc = replace(doc, '"failed"', '"success"') WHERE collection = 'pipelines'`,
    );
    expect(code).toBe(1);
    expect(stdout).toContain('these differ from the live ones');
    expect(stdout).toMatch(/^ {4}pipelines\/\S+$/m);
  });

  it('fails and names the document that was taken away', async () => {
    const { code, stdout } = await verifiedAfter(
      'read-models/read-models.db',
      `DELETE FROM documents WHERE collection = 'artifacts'`,
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ {4}artifacts\/\S+$/m);
  });

  it.each([
    ['taken out of', `DELETE FROM entries WHERE collection = 'jobs' AND idx = 'byProject'`],
    ['moved within', `UPDATE entries SET value = 'x' || value WHERE collection = 'jobs' AND idx = 'byProject'`],
  ])('fails and names the documents that were %s an index', async (_how, statement) => {
    const { code, stdout } = await verifiedAfter('read-models/read-models.db', statement);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ {4}jobs\/\S+$/m);
  });

  it('takes the read models of another release for none, and the next start makes them anew', async () => {
    const fromAnotherRelease = [
      `UPDATE positions SET projection = 'read-models-of-another-release'`,
      `UPDATE documents SET doc = replace(doc, '"failed"', '"success"')`,
      `INSERT INTO documents (collection, id, doc) VALUES ('given-up', 'x', '{}')`,
    ];
    const { before, after } = await changed('read-models/read-models.db', fromAnotherRelease, async (copy) => {
      const verified = await foldline(['replay', '--verify'], copy);
      const server = await startServerProcess(copy, { FOLDLINE_LOG_LEVEL: 'error' });
      await server.stop();
      return { before: verified, after: await foldline(['replay', '--verify'], copy) };
    });
    expect(before).toMatchObject({ code: 1, stderr: expect.stringContaining('start the server once') });
    expect(after).toMatchObject({ code: 0, stdout: expect.stringContaining('equal to the live ones') });
  });

  it.each([
    ['changed', `UPDATE events SET data = replace(data, 'main', 'evil') WHERE position = 3`],
    ['moved in time', `UPDATE events SET recorded_at = '2001-01-01T00:00:00.000Z' WHERE position = 3`],
    ['given to somebody else', `UPDATE events SET actor = '{"kind":"system","id":"nobody"}' WHERE position = 3`],
  ])('fails and names stream and position of an event that was %s', async (_how, statement) => {
    const { code, stderr } = await verifiedAfter('events/events.db', statement);
    expect(code).toBe(1);
    expect(stderr).toMatch(/stream \S+/);
    expect(stderr).toMatch(/position 3\b/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('fails and names the stream that an event was taken out of', async () => {
    const { code, stderr } = await verifiedAfter(
      'events/events.db',
      'DELETE FROM events WHERE position = (SELECT min(position) FROM events WHERE revision = 1)',
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/stream \S+/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('says in one line that there is no log, and what it takes to look at a cluster', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'foldline-empty-'));
    for (const directory of [empty, join(empty, 'none')]) {
      const { code, stdout, stderr } = await foldline(['replay', '--verify'], directory);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      const [line, ...others] = stderr.trim().split('\n');
      expect(others).toEqual([]);
      expect(line).toContain(`there is no event log in ${directory}`);
      expect(line).toMatch(/FOLDLINE_DATA_DIR.* FOLDLINE_MODE=distributed .*settings of its servers/);
    }
    rmSync(empty, { recursive: true });
  });
});
