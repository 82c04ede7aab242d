import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROJECT, START_MS, Sandbox, until } from '@foldline/client';
import { foldline, run, type Ended } from './run-cli.ts';

type Item = { group: string; key: string; eventId: string; eventType: string; error: string; waiting: number };

describe('foldline parked', () => {
  let sandbox: Sandbox;
  let receiver: Server;
  /** Pipelines of which the receiver was told. */
  const told: string[] = [];
  let directory: string;
  /** As long as it is there, the notifier fails. */
  let failing: string;
  let keys: string[];

  const parked = (...args: string[]): Promise<Ended> =>
    asked(args, sandbox.client.connection.url, sandbox.server.dataDirectory);
  /** Without npm, which takes seconds. */
  const asked = (
    args: readonly string[],
    url: string,
    dataDirectory: string,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<Ended> =>
    run(process.execPath, ['apps/cli/dist/main.js', 'parked', ...args, '--url', url], dataDirectory, settings);
  const list = async (): Promise<Item[]> => (await sandbox.client.get<{ items: Item[] }>('/api/v1/parked')).items;

  /** Two pipelines end while the notifier fails at that. */
  beforeAll(async () => {
    receiver = createServer((request, response) => {
      request.setEncoding('utf8').on('data', (text: string) => void told.push(text));
      request.on('end', () => response.writeHead(204).end());
    });
    await once(receiver.listen(0, '127.0.0.1'), 'listening');
    directory = mkdtempSync(join(tmpdir(), 'foldline-parked-'));
    failing = join(directory, 'fails');
    writeFileSync(failing, '');
    sandbox = await Sandbox.start(
      { FOLDLINE_ALLOW_PRIVATE_TARGETS: 'true', FAILING_NOTIFIER: failing, FOLDLINE_LOG_LEVEL: 'silent' },
      {},
      { topology: 'standalone', preload: new URL('inside/failing-notifier.mjs', import.meta.url).href },
    );
    const { port } = receiver.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/`;
    await sandbox.client.post(`/api/${PROJECT}/subscriptions`, { kind: 'webhook', url, on: ['success'] });
    const pipelines = [
      await sandbox.run('job:\n  script: "true"\n'),
      await sandbox.run('job:\n  script: "true"\n', { again: '' }),
    ];
    keys = pipelines.map(({ id }) => id);
    await until('both to be parked', async () => (await list()).length === 2);
  }, 2 * START_MS);
  afterAll(async () => {
    await sandbox.stop();
    rmSync(directory, { recursive: true });
    receiver.closeAllConnections();
    receiver.close();
  });

  it(
    'is asked of the server beside, as README gives commands, and with its own token',
    async () => {
      const { port } = new URL(sandbox.client.connection.url);
      const { code, stdout } = await foldline(['parked', 'ls'], sandbox.server.dataDirectory, { FOLDLINE_PORT: port });
      expect(code).toBe(0);
      for (const key of keys) expect(stdout).toContain(key);
    },
    START_MS,
  );

  it('ls tells which keys of which services wait, and why', async () => {
    const { code, stdout, stderr } = await parked('ls');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [heading, ...rows] = stdout.trimEnd().split('\n');
    expect(heading).toMatch(/^GROUP +KEY +EVENT +WAITING +TRIES +SINCE +ERROR$/);
    expect(rows.map((row) => row.split(/ +/).slice(0, 2))).toEqual(keys.map((key) => ['notifier', key]));
    expect((await parked('ls', '--group', 'scheduler')).stderr).toBe('nothing is parked\n');
    expect(JSON.parse((await parked('ls', '--json')).stdout)).toEqual({ items: await list() });
  });

  it('show tells everything of one, with the event', async () => {
    const [item] = await list();
    const shown = await parked('show', 'notifier', keys[0]!);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    expect(shown.stdout).toContain(`event:             ${item!.eventType} ${item!.eventId}`);
    const asJson = JSON.parse((await parked('show', 'notifier', keys[0]!, '--json')).stdout) as object;
    expect(asJson).toMatchObject({ ...item, event: { id: item!.eventId, type: item!.eventType } });
  });

  it('replay says with its exit code that what fails again stays parked', async () => {
    const replayed = await parked('replay', 'notifier', keys[0]!);
    expect(replayed).toMatchObject({ code: 1, stdout: '0 events handled\n' });
    expect(replayed.stderr).toContain(`${keys[0]!} is still parked`);
  });

  it('discard gives nothing up without a reason, or unless it is confirmed', async () => {
    expect(await parked('discard', 'notifier', keys[1]!, '--yes')).toMatchObject({ code: 2 });
    const unconfirmed = await parked('discard', 'notifier', keys[1]!, '--reason', 'too late');
    expect(unconfirmed).toMatchObject({ code: 2, stdout: '' });
    expect(unconfirmed.stderr).toContain('nothing was given up');
    expect(await list()).toHaveLength(2);
  });

  it('discard gives one up for good, with the reason on record', async () => {
    const discarded = await parked('discard', 'notifier', keys[1]!, '--reason', 'too late', '--yes');
    expect(discarded).toMatchObject({ code: 0, stderr: '' });
    expect(discarded.stdout).toMatch(/^\d+ events? given up, on record at position \d+\n$/);
    const { items } = await sandbox.client.get<{ items: { data: object }[] }>(
      '/api/v1/events?after=0&type=ParkedEventsDiscarded',
    );
    expect(items).toMatchObject([{ data: { group: 'notifier', key: keys[1], reason: 'too late' } }]);
    expect((await list()).map(({ key }) => key)).toEqual([keys[0]]);
  });

  it(
    'replay hands over what can be handled now',
    async () => {
      rmSync(failing);
      const replayed = await parked('replay', 'notifier', keys[0]!, '--json');
      expect({ ...replayed, stdout: JSON.parse(replayed.stdout) as object }).toMatchObject({
        code: 0,
        stdout: { parked: false },
        stderr: '',
      });
      await until('the receiver to be told', async () => told.some((text) => text.includes(keys[0]!)));
      expect(told.some((text) => text.includes(keys[1]!))).toBe(false);
      expect(await list()).toEqual([]);
    },
    START_MS,
  );

  it(
    'ends with a code of its own for what is not parked, who is not let in, and a server that is not there',
    async () => {
      expect(await parked('replay', 'notifier', keys[0]!)).toMatchObject({ code: 5 });
      expect(await parked('show', 'notifier', 'nothing')).toMatchObject({ code: 5 });
      const { url } = sandbox.client.connection;
      const stranger = { FOLDLINE_ADMIN_TOKEN: 'wrong' };
      expect(await asked(['ls'], url, directory, stranger)).toMatchObject({ code: 4, stdout: '' });
      const gone = createServer();
      await once(gone.listen(0, '127.0.0.1'), 'listening');
      const { port } = gone.address() as AddressInfo;
      await once(gone.close(), 'close');
      const nowhere = await asked(['ls'], `http://127.0.0.1:${port}`, directory, stranger);
      expect(nowhere).toMatchObject({ code: 6, stdout: '' });
      expect(nowhere.stderr).toContain(`http://127.0.0.1:${port} cannot be reached: connect ECONNREFUSED`);
    },
    START_MS,
  );
});
