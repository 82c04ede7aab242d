import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Sandbox } from '@foldline/client';
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

/** A copy of the stopped server's data with one thing changed in it. */
const verifiedAfter = async (file: string, ...statements: string[]): Promise<Ended> => {
  const copy = mkdtempSync(join(tmpdir(), 'foldline-tampered-'));
  try {
    const kept = (path: string): boolean => path !== join(stopped, 'runners');
    cpSync(stopped, copy, { recursive: true, filter: kept });
    const database = openDatabase(join(copy, file));
    for (const statement of statements) database.exec(statement);
    database.close();
    return await foldline(['replay', '--verify'], copy);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
};

describe('foldline replay --verify', () => {
  it('finds the rebuilt read models equal while the server runs', () => {
    expect(whileRunning).toMatchObject({ code: 0, stderr: '' });
    expect(whileRunning.stdout).toMatch(/\d+ events in \d+ streams: every hash chain holds/);
    expect(whileRunning.stdout).toMatch(/\d+ documents rebuilt up to position \d+: equal to the live ones/);
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

  it('says in one line that there is no log', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'foldline-empty-'));
    const { code, stderr } = await foldline(['replay', '--verify'], empty);
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining('there is no event log in')]);
    rmSync(empty, { recursive: true });
  });
});
