import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROJECT, Sandbox, jobNamed, until, type Accepted, type PipelineAnswer } from '@foldline/client';
import type { RecordedEvent } from '@foldline/contracts';
import { requireInstanceKey } from '@foldline/distributed';
import { openEventLogForReading } from '@foldline/event-store-embedded';
import { openEsdbEventStore } from '@foldline/event-store-esdb';
import {
  Cluster,
  EventStoreServer,
  clear,
  clearBucket,
  openBucket,
  settingsFor,
  uniqueName,
  withServers,
} from './cluster.ts';
import { ROOT, foldline, type Ended } from './run-cli.ts';

/** Long enough that its plan is no event's but the object store's. */
const LONG = Array.from({ length: 3_000 }, (_, n) => `    - 'true # ${'x'.repeat(90)} ${n}'\n`).join('');
const DEFINITION = `
build:
  secrets: { SECRET: { vault: shop/key } }
  script:
    - test "$SECRET" = sealed-with-the-key
    - mkdir -p out && echo built > out/a.txt
  artifacts: { paths: [out/] }
  cache: { key: deps, paths: [out/] }
test:
  needs: [build]
  script: cat out/a.txt
deploy:
  needs: [test]
  script: "true"
  environment: { name: test }
by-hand:
  when: manual
  script: "true"
  environment: { name: live }
`;

/** Positions are each store's own. */
const without = (event: RecordedEvent): RecordedEvent => ({ ...event, position: 0 });

withServers((servers) => {
  describe('foldline migrate', () => {
    let scratch: string;
    let receiver: Server;
    let messages = 0;
    let sandbox: Sandbox;
    let data: string;
    let pipelines: PipelineAnswer[];
    let artifactsBefore: unknown;
    let source: RecordedEvent[];
    let eventStore: EventStoreServer;
    let settings: Record<string, string>;
    let elsewhere: Record<string, string>;
    const refused: Record<string, Ended> = {};
    let cut: { code: number | null; events: number };
    let moved: Ended;
    let again: Ended;

    const migrate = (more: Readonly<Record<string, string>> = {}): Promise<Ended> =>
      foldline(['migrate', '--from', data], join(scratch, 'unused'), { ...settings, ...more });

    /** As it is at a cluster whose first service was started with this key. */
    const beginInstance = async (of: Readonly<Record<string, string>>, key: Buffer): Promise<void> => {
      const bucket = await openBucket(of);
      await requireInstanceKey(bucket, key).finally(() => bucket.close());
    };

    /** Kills the program once it has copied a few events. */
    const migrateAndKill = async (): Promise<typeof cut> => {
      const enough = new AbortController();
      const program = spawn(process.execPath, ['apps/cli/dist/main.js', 'migrate', '--from', data], {
        cwd: ROOT,
        env: { ...process.env, ...settings },
        stdio: 'ignore',
      });
      const ended = once(program, 'exit').finally(() => enough.abort());
      const watching = openEsdbEventStore({ url: eventStore.url });
      let seen = 0;
      await watching.follow(
        0,
        (events) => {
          seen += events.length;
          if (seen >= 10) program.kill('SIGKILL');
        },
        enough.signal,
      );
      const [code] = (await ended) as [number | null];
      await watching.close();
      return { code, events: (await eventStore.events()).length };
    };

    beforeAll(async () => {
      scratch = mkdtempSync(join(tmpdir(), 'foldline-migrate-'));
      receiver = createServer((request, response) => {
        messages += 1;
        request.resume();
        response.writeHead(204).end();
      }).listen(0, '127.0.0.1');
      await once(receiver, 'listening');
      sandbox = await Sandbox.start({ FOLDLINE_ALLOW_PRIVATE_TARGETS: 'true' });
      data = sandbox.server.dataDirectory;
      const { port } = receiver.address() as AddressInfo;
      await sandbox.client.post(`/api/${PROJECT}/subscriptions`, { kind: 'webhook', url: `http://127.0.0.1:${port}/` });
      await sandbox.client.post(`/api/${PROJECT}/secrets`, { path: 'shop/key', value: 'sealed-with-the-key' });
      const bad = await sandbox.run('bad:\n  script: "false"\n');
      const long = await sandbox.run(`long:\n  script:\n${LONG}`);
      const good = await sandbox.run(DEFINITION);
      const whole = ({ jobs }: PipelineAnswer): boolean => jobs.every((job) => job.status === 'manual' || 'log' in job);
      pipelines = await Promise.all([bad, long, good].map(({ id }) => sandbox.rested(id, whole)));
      artifactsBefore = await sandbox.client.get(
        `/api/${PROJECT}/jobs/${jobNamed(pipelines[2]!, 'build').id}/artifacts`,
      );
      await until('both messages', () => messages >= 2);
      eventStore = await EventStoreServer.start(join(scratch, 'eventstore'));
      settings = settingsFor(servers, eventStore.url, uniqueName('migrate'));
      settings['FOLDLINE_ALLOW_PRIVATE_TARGETS'] = 'true';
      const sealedWith = readFileSync(join(data, 'secret-key'), 'utf8').trim();
      refused.otherKey = await migrate();
      settings['FOLDLINE_SECRET_KEY'] = sealedWith;
      refused.running = await migrate();
      refused.settings = await migrate({ FOLDLINE_S3_URL: 'no', FOLDLINE_KAFKA_BROKERS: '', FOLDLINE_MADE_UP: '1' });
      await sandbox.server.stop();
      const log = openEventLogForReading({ directory: join(data, 'events') });
      source = await log.readAll({ after: 0, limit: 1_000_000 });
      await log.close();
      elsewhere = settingsFor(servers, eventStore.url, uniqueName('begun'));
      await beginInstance(elsewhere, randomBytes(32));
      refused.begun = await migrate({ FOLDLINE_S3_URL: elsewhere['FOLDLINE_S3_URL']! });
      cut = await migrateAndKill();
      moved = await migrate();
      again = await migrate();
    }, 300_000);
    afterAll(async () => {
      receiver.close();
      await eventStore?.stop();
      await clear(settings);
      await clearBucket(elsewhere);
      for (const directory of [scratch, sandbox.directory]) rmSync(directory, { recursive: true, force: true });
    }, 60_000);

    it('refuses while a server uses the data directory', () => {
      expect(refused.running).toMatchObject({ code: 1, stderr: expect.stringContaining('is in use by process') });
    });

    it('refuses another key than the one that the secrets are sealed with, and says neither', () => {
      expect(refused.otherKey).toMatchObject({ code: 1, stdout: '' });
      expect(refused.otherKey!.stderr).toContain(`FOLDLINE_SECRET_KEY_FILE=${join(data, 'secret-key')}`);
      expect(refused.otherKey!.stderr).not.toContain(settings['FOLDLINE_SECRET_KEY']);
    });

    it('refuses a bucket of an instance that was begun with another key, and copies nothing', () => {
      expect(refused.begun).toMatchObject({ code: 1, stdout: '' });
      expect(refused.begun!.stderr).toMatch(/FOLDLINE_SECRET_KEY is not the key that this instance was begun with/);
      expect(refused.begun!.stderr).not.toContain(settings['FOLDLINE_SECRET_KEY']);
    });

    it('begins the cluster with the key of the directory: its services can have no other', async () => {
      await expect(beginInstance(settings, randomBytes(32))).rejects.toMatchObject({ code: 'secret_key_differs' });
      await beginInstance(settings, Buffer.from(settings['FOLDLINE_SECRET_KEY']!, 'base64url'));
    });

    it('says everything that is wrong with the settings at once', () => {
      expect(refused.settings!.code).toBe(1);
      for (const name of ['FOLDLINE_S3_URL', 'FOLDLINE_KAFKA_BROKERS', 'FOLDLINE_MADE_UP'])
        expect(refused.settings!.stderr).toContain(name);
    });

    it('goes on after it was killed, and says that there is nothing left to do when it is done', () => {
      expect(cut.code).toBeNull();
      expect(cut.events).toBeGreaterThanOrEqual(10);
      expect(cut.events).toBeLessThan(source.length);
      expect(moved.code).toBe(0);
      expect(moved.stdout).toContain(`${source.length} events in `);
      expect(moved.stdout).toContain(`(${cut.events} were there before)`);
      expect(again).toMatchObject({ code: 0 });
      expect(again.stdout).toContain(`(${source.length} were there before)`);
    });

    it('says in which files the secrets lie, and none of them', () => {
      for (const name of ['secret-key', 'admin-token', 'webhook-secret']) {
        expect(moved.stdout).toContain(`_FILE=${join(data, name)}\n`);
        expect(moved.stdout).not.toContain(readFileSync(join(data, name), 'utf8').trim());
      }
    });

    it('keeps every event as it was, in the order of the log', async () => {
      expect((await eventStore.events()).map(without)).toEqual(source.map(without));
    });

    describe('the cluster that is started then', () => {
      let cluster: Cluster | undefined;
      let messagesBefore: number;
      let historyAgain: RecordedEvent[];
      let verified: Ended;

      const get = <Answer>(path: string): Promise<Answer> => cluster!.client.get<Answer>(`/api/${PROJECT}${path}`);
      const rested = (id: string): Promise<PipelineAnswer> =>
        until(`pipeline ${id}`, async () => {
          const pipeline = await get<PipelineAnswer>(`/pipelines/${id}`).catch(() => undefined);
          return pipeline && ['success', 'failed', 'manual'].includes(pipeline.status) && pipeline;
        });

      beforeAll(async () => {
        messagesBefore = messages;
        cluster = await Cluster.start(join(scratch, 'cluster'), settings);
        await cluster.caughtUp(source.length);
        historyAgain = (await eventStore.events()).slice(source.length);
        await until('the read models', () => rested(pipelines.at(-1)!.id));
        verified = await foldline(['replay', '--verify'], join(scratch, 'unused'), settings);
      }, 240_000);
      afterAll(() => cluster?.stop(), 60_000);

      it('does nothing again when it is handed the whole history, but greets its own runners', () => {
        expect(historyAgain.filter(({ type }) => type !== 'RunnerRegistered')).toEqual([]);
        expect(new Set(historyAgain.map(({ stream }) => stream)).size).toBe(2);
        expect(messages).toBe(messagesBefore);
      });

      it('answers as before, with artifacts and logs', async () => {
        for (const before of pipelines)
          expect(await get(`/pipelines/${before.id}`)).toEqual({ ...before, position: expect.any(Number) });
        const build = jobNamed(pipelines[2]!, 'build');
        expect(await get(`/jobs/${build.id}/artifacts`)).toEqual(artifactsBefore);
        expect(await cluster!.client.text(`/api/${PROJECT}/jobs/${build.id}/logs`)).toContain('echo built');
      });

      it('has read models that are those of its log', () => {
        expect(verified).toMatchObject({ code: 0, stderr: '' });
        expect(verified.stdout).toContain('every event has its hash and its place');
        expect(verified.stdout).toMatch(/[1-9]\d* documents and [1-9]\d* index entries .*: equal to the live ones/);
      });

      it('runs a new pipeline, with the secrets and the cache of before', async () => {
        const { id } = await cluster!.client.post<Accepted>(`/api/${PROJECT}/pipelines`, { ref: 'main' });
        expect(await rested(id)).toMatchObject({ status: pipelines[2]!.status });
        const now = (await eventStore.events()).slice(source.length + historyAgain.length);
        const old = new Set(source.map(({ stream }) => stream));
        const touched = now.filter(({ stream }) => old.has(stream)).map(({ stream }) => stream.split('-')[0]!);
        expect(touched.filter((category) => category !== 'environment')).toEqual([]);
        expect(now.map(({ type }) => type)).toContain('CacheRestored');
      }, 60_000);

      it('plays a job that has waited since before', async () => {
        const waiting = jobNamed(pipelines[2]!, 'by-hand');
        await cluster!.client.post(`/api/${PROJECT}/jobs/${waiting.id}/play`);
        const played = await until('the job to end', async () => {
          const pipeline = await get<PipelineAnswer>(`/pipelines/${pipelines[2]!.id}`);
          return jobNamed(pipeline, 'by-hand').status === 'success' && pipeline;
        });
        expect(jobNamed(played, 'by-hand').attempt).toBe(1);
      }, 60_000);

      it('is no target for the same directory any more', async () => {
        const late = await migrate();
        expect(late).toMatchObject({ code: 1, stdout: '' });
        expect(late.stderr).toMatch(/events of the stream \S+ that are not from this data directory/);
      }, 60_000);
    });
  });
});
