import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SERVICES } from '@foldline/contracts';
import { ApiClient, until, type PipelineAnswer } from '@foldline/client';
import { EventStoreServer, clear, settingsFor, uniqueName, withServers } from './cluster.ts';
import { committed } from './repository.ts';
import { ROOT } from './run-cli.ts';

const HEADING = '## All seven on one host';
const DOCUMENT = readFileSync(join(ROOT, 'docs/distributed.md'), 'utf8');
const SECTION = DOCUMENT.slice(DOCUMENT.indexOf(HEADING)).split(/^## /m)[1]!;
const BLOCKS = [...SECTION.matchAll(/^```sh\n([^]*?)^```/gm)].map(([, block]) => block!);
const FIRST_PORT = 9464;

/** The first of so many ports in a row that nobody listens on. */
const freePorts = async (count: number): Promise<number> => {
  for (let first = 20_000 + Math.floor(Math.random() * 10_000); ; first += count) {
    const isFree = await Promise.all(Array.from({ length: count }, (_none, n) => canListen(first + n)));
    if (isFree.every(Boolean)) return first;
  }
};
const canListen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** A shell that somebody types blocks of commands into, one after the other. */
class Shell {
  private readonly child: ChildProcess;
  private readonly ended: Promise<unknown>;
  private waiting: ((line: string) => void) | undefined;

  constructor(environment: Readonly<Record<string, string>>) {
    this.child = spawn('bash', ['-s'], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'] ?? '', ...environment },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.ended = once(this.child, 'close');
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.waiting?.(line));
  }

  /** What the commands say, line by line; fails when the last of them does. */
  run(commands: string): Promise<string[]> {
    return new Promise((resolve, reject) => {
      const lines: string[] = [];
      this.waiting = (line) => {
        const [, before, code] = /^(.*)<ended with (\d+)>$/.exec(line) ?? [];
        if (code === undefined) return void lines.push(line);
        const said = [...lines, ...(before === '' ? [] : [before!])];
        if (code === '0') resolve(said);
        else reject(new Error(`${commands}\nended with ${code}:\n${said.join('\n')}`));
      };
      this.child.stdin!.write(`${commands}\nprintf '<ended with %d>\\n' $?\n`);
    });
  }

  /** Ends what was started and not stopped. */
  async close(): Promise<void> {
    this.child.stdin!.end('kill $(jobs -p) 2> /dev/null\nwait\n');
    await this.ended;
  }
}

withServers((servers) => {
  describe('all services on one host as docs/distributed.md starts them', () => {
    let scratch: string;
    let eventStore: EventStoreServer | undefined;
    let settings: Record<string, string>;
    let shell: Shell;
    let gateway: string;
    let run: (block: number) => Promise<string[]>;

    beforeAll(async () => {
      scratch = mkdtempSync(join(tmpdir(), 'foldline-one-host-'));
      eventStore = await EventStoreServer.start(join(scratch, 'eventstore'));
      settings = settingsFor(servers, eventStore.url, uniqueName('host'));
      const port = await freePorts(SERVICES.length + 1);
      gateway = `http://127.0.0.1:${port + SERVICES.length}`;
      const repository = committed(join(scratch, 'app'), { '.codara-ci.yml': 'build:\n  script: echo built\n' });
      shell = new Shell({
        HOME: scratch,
        // What a reader has to himself: names on the servers and ports.
        FOLDLINE_NAMESPACE: settings['FOLDLINE_NAMESPACE']!,
        FOLDLINE_KAFKA_PARTITIONS: '4',
        FOLDLINE_PORT: new URL(gateway).port,
      });
      run = (block) =>
        shell.run(
          BLOCKS[block]!.replaceAll(/^(export (FOLDLINE_\w+)=)(?!"\$)\S+$/gm, (_line, begin: string, name: string) => {
            expect([name, settings[name]]).toEqual([name, expect.any(String)]);
            return `${begin}'${settings[name]!}'`;
          })
            .replaceAll(/\b94\d\d\b/g, (documented) => String(Number(documented) - FIRST_PORT + port))
            .replaceAll('http://127.0.0.1:8080', gateway)
            .replaceAll('/srv/git/app', repository),
        );
    }, 60_000);
    afterAll(async () => {
      await shell.close();
      await eventStore?.stop();
      await clear(settings);
      rmSync(scratch, { recursive: true, force: true });
    }, 60_000);

    it('are ready, each at its own operations port, and take a request for a pipeline', async () => {
      expect(BLOCKS).toHaveLength(3);
      await run(0);
      const lines = await run(1);
      const answers = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
      const ready = { status: 'ok', checks: { eventstore: 'ok', kafka: 'ok' } };
      expect(answers).toMatchObject([
        ...SERVICES.map(() => ready),
        { owner: 'me', name: 'app' },
        { id: expect.any(String) },
        { items: expect.any(Array) },
      ]);
    }, 150_000);

    it('run it to its end', async () => {
      const token = readFileSync(join(scratch, 'foldline-cluster/admin-token'), 'utf8');
      const client = new ApiClient({ url: gateway, token });
      const ended = await until(
        'the pipeline to end',
        async () => {
          const { items } = await client.get<{ items: PipelineAnswer[] }>('/api/me/app/pipelines');
          return items.find(({ status }) => ['success', 'failed'].includes(status));
        },
        60_000,
      );
      expect(ended.status).toBe('success');
    }, 90_000);

    it('have read models that fit their log, and end in order with nothing in their logs that calls for somebody', async () => {
      expect((await run(2)).join('\n')).toContain('equal to the live ones');
      await shell.run('wait');
      const logs = SERVICES.map((name) => readFileSync(join(scratch, `foldline-cluster/${name}.log`), 'utf8'));
      expect(logs.flatMap((log) => log.split('\n')).filter((line) => /"level":(?:"error"|[56]0)/.test(line))).toEqual(
        [],
      );
    }, 60_000);
  });
});
