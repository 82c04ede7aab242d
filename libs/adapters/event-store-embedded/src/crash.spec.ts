import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openEmbeddedEventStore } from './embedded-event-store.ts';

const KILLS = 20;
const APPENDERS = 8;
const now = (): string => new Date().toISOString();

/** Appends for ever, from several places at once, and prints each id after its append has been answered. */
const APPENDER = `
  import { randomUUID } from 'node:crypto';
  import { writeSync } from 'node:fs';
  import { openEmbeddedEventStore } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)};
  const store = await openEmbeddedEventStore({ directory: process.argv[1], now: () => new Date().toISOString() });
  const append = async (stream) => {
    for (let revision = (await store.readStream(stream)).length - 1; ; revision += 2) {
      const events = [randomUUID(), randomUUID()].map((id) => ({
        id, type: 'JobQueued', version: 1, data: { text: 'x'.repeat(300) },
        causationId: id, correlationId: stream, actor: { kind: 'system', id: 'crash' },
      }));
      await store.append(stream, events, revision);
      writeSync(1, events.map(({ id }) => id + '\\n').join(''));
    }
  };
  for (let n = 0; n < ${APPENDERS}; n += 1) append('pipeline-' + n);
`;

describe('the embedded event store, when its process is killed', () => {
  let directory: string;
  let child: ChildProcess | undefined;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-crash-'));
  });
  afterEach(() => {
    child?.kill('SIGKILL');
    rmSync(directory, { recursive: true });
  });

  const startAppending = () => {
    child = spawn(process.execPath, ['--input-type=module', '-e', APPENDER, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return { child, lines: createInterface({ input: child.stdout! }) };
  };

  /** Kills the appender when it has acknowledged this many events; gives back what it acknowledged until its end. */
  const acknowledgedUntilKilled = async (count: number): Promise<string[]> => {
    const { child, lines } = startAppending();
    const acknowledged: string[] = [];
    const ended = once(child, 'close');
    for await (const id of lines) {
      acknowledged.push(id);
      if (acknowledged.length === count) child.kill('SIGKILL');
    }
    await ended;
    return acknowledged;
  };

  it(`has every acknowledged event and sound chains after ${KILLS} kills`, async () => {
    const acknowledged = new Set<string>();
    for (let kill = 0; kill < KILLS; kill += 1) {
      for (const id of await acknowledgedUntilKilled(1 + Math.floor(Math.random() * 400))) acknowledged.add(id);
      const store = await openEmbeddedEventStore({ directory, now });
      const { events } = await store.verify();
      const stored = await store.readAll({ after: 0, limit: 1_000_000 });
      await store.close();
      const ids = new Set(stored.map(({ id }) => id));
      expect([...acknowledged].filter((id) => !ids.has(id))).toEqual([]);
      expect(ids.size).toBe(events);
      // At most one append of each appender was under way: stored unanswered, whole or not at all.
      expect(events % 2).toBe(0);
      expect(events - acknowledged.size).toBeLessThanOrEqual(2 * APPENDERS * (kill + 1));
    }
    expect(acknowledged.size).toBeGreaterThan(KILLS);
  }, 120_000);

  it('refuses a second process while the first lives, and not after', async () => {
    const { child, lines } = startAppending();
    await once(lines, 'line');
    await expect(openEmbeddedEventStore({ directory, now })).rejects.toMatchObject({
      code: 'data_directory_in_use',
      fields: { directory, pid: String(child.pid) },
    });
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    const store = await openEmbeddedEventStore({ directory, now });
    expect(await store.lastPosition()).toBeGreaterThan(0);
    await store.close();
  });
});
