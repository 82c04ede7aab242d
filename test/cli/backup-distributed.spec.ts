import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROJECT, jobNamed, serviceProgram, until, type Accepted, type PipelineAnswer } from '@foldline/client';
import type { RecordedEvent } from '@foldline/contracts';
import { openRedis } from '@foldline/redis';
import { Cluster, EventStoreServer, clear, openBucket, settingsFor, uniqueName, withServers } from './cluster.ts';
import { mirrorIn, mirrorOut } from './mirror.ts';
import { Reaches, type Reach } from './reaches.ts';
import { committed } from './repository.ts';
import { foldline, run, type Ended } from './run-cli.ts';

/** With `HOLD` its first job waits at a gate in this directory. */
const definition = (directory: string): string => `
build:
  secrets: { SECRET: { vault: shop/key } }
  script:
    - test "$SECRET" = sealed-with-the-key
    - test -z "$HOLD" || { touch ${directory}/came; until [ -e ${directory}/open ]; do sleep 0.1; done; }
    - echo built > a.txt
  artifacts: { paths: [a.txt] }
again:
  needs: [build]
  script: cat a.txt
`;
const KEY_MARK = 'instance/secret-key';
const REFUSED = 2;

withServers((servers) => {
  describe('a backup of the distributed form as docs/moving-up.md describes it, made while the services run', () => {
    let scratch: string;
    let settings: Record<string, string>;
    const used: Record<string, string>[] = [];
    let eventStore: EventStoreServer | undefined;
    let cluster: Cluster | undefined;
    let before: PipelineAnswer;
    let held: PipelineAnswer;
    let late: PipelineAnswer;
    let live: RecordedEvent[];
    let history: RecordedEvent[];
    let objects: { out: number; in: number };
    let refused: Ended[];
    let afterRefusal: { events: number; objects: number };
    let again: RecordedEvent[];
    let verified: Ended;
    let reached: Reach[];

    const get = <Answer>(path: string): Promise<Answer> => cluster!.client.get<Answer>(`/api/${PROJECT}${path}`);
    const pipelineWhen = (id: string, isThere: (pipeline: PipelineAnswer) => boolean): Promise<PipelineAnswer> =>
      until(
        `pipeline ${id}`,
        async () => {
          const pipeline = await get<PipelineAnswer>(`/pipelines/${id}`).catch(() => undefined);
          return pipeline && isThere(pipeline) && pipeline;
        },
        120_000,
      );
    const hasEnded = ({ jobs, status }: PipelineAnswer): boolean =>
      ['success', 'failed'].includes(status) && jobs.every((job) => 'log' in job);
    const trigger = async (variables: Record<string, string> = {}): Promise<string> =>
      (await cluster!.client.post<Accepted>(`/api/${PROJECT}/pipelines`, { ref: 'main', variables })).id;
    const runOne = async (): Promise<PipelineAnswer> => pipelineWhen(await trigger(), hasEnded);
    const verify = (): Promise<Ended> => foldline(['replay', '--verify'], join(scratch, 'unused'), settings);
    const startCluster = async (name: string): Promise<void> => {
      used.push(settings);
      cluster = await Cluster.start(join(scratch, name), settings);
    };
    /** A bucket and names in Kafka and Redis that nobody has used, with the secrets of those before. */
    const emptyServers = (url: string): Record<string, string> => {
      const { FOLDLINE_S3_URL, FOLDLINE_NAMESPACE } = settingsFor(servers, url, uniqueName('restored'));
      const fresh = { FOLDLINE_S3_URL: FOLDLINE_S3_URL!, FOLDLINE_NAMESPACE: FOLDLINE_NAMESPACE! };
      return { ...settings, FOLDLINE_EVENTSTORE_URL: url, ...fresh };
    };

    const backUp = async (): Promise<void> => {
      eventStore!.snapshot(join(scratch, 'backup', 'eventstore'));
      // Begins and ends after the log was copied, so that S3 is copied with more in it than the log speaks of.
      late = await runOne();
      objects = { out: await mirrorOut(settings, join(scratch, 'backup', 'bucket')), in: 0 };
    };
    const loseEverything = async (): Promise<void> => {
      await cluster!.stop();
      cluster = undefined;
      live = await eventStore!.events();
      await eventStore!.stop();
      rmSync(join(scratch, 'eventstore'), { recursive: true });
      await clear(settings);
      used.pop();
    };
    const restore = async (): Promise<void> => {
      eventStore = await EventStoreServer.start(join(scratch, 'backup', 'eventstore'));
      settings = emptyServers(eventStore.url);
      used.push(settings);
      objects.in = await mirrorIn(join(scratch, 'backup', 'bucket'), settings);
      history = await eventStore.events();
    };
    /** What services say that are started with another key than the backup was made with. */
    const startWithAnotherKey = (): Promise<Ended[]> =>
      Promise.all(
        (['scheduler', 'artifact-store'] as const).map((service) => {
          const directory = join(scratch, `${service}-with-another-key`);
          mkdirSync(directory);
          const key = { FOLDLINE_SECRET_KEY: randomBytes(32).toString('base64url') };
          return run(process.execPath, [serviceProgram(service)], directory, { ...settings, ...key });
        }),
      );
    const counts = async (): Promise<{ events: number; objects: number }> => {
      const bucket = await openBucket(settings);
      const { length } = await bucket.list('');
      bucket.close();
      return { events: (await eventStore!.events()).length, objects: length };
    };

    beforeAll(async () => {
      scratch = mkdtempSync(join(tmpdir(), 'foldline-backup-'));
      const url = committed(join(scratch, 'repository'), { '.codara-ci.yml': definition(scratch) });
      eventStore = await EventStoreServer.start(join(scratch, 'eventstore'));
      settings = { ...settingsFor(servers, eventStore.url, uniqueName('backup')), FOLDLINE_DRAIN_SECONDS: '0' };
      await startCluster('cluster');
      const [owner, name] = PROJECT.split('/');
      await cluster!.client.post('/api/v1/projects', { owner, name, url });
      await cluster!.client.post(`/api/${PROJECT}/secrets`, { path: 'shop/key', value: 'sealed-with-the-key' });
      before = await runOne();
      const underWay = await trigger({ HOLD: 'yes' });
      await until('a job to be under way', () => existsSync(join(scratch, 'came')), 60_000);
      await backUp();
      await loseEverything();
      await restore();
      refused = await startWithAnotherKey();
      afterRefusal = await counts();
      writeFileSync(join(scratch, 'open'), '');
      settings = { ...settings, FOLDLINE_RUNNER_LEASE_SECONDS: '5' };
      await startCluster('cluster-again');
      await cluster!.caughtUp(history.length);
      held = await pipelineWhen(underWay, hasEnded);
      again = (await eventStore!.events()).slice(history.length);
      const reaches = new Reaches(join(scratch, 'reaches.jsonl'));
      const command = ['apps/cli/dist/main.js', 'replay', '--verify'];
      verified = await run(process.execPath, command, join(scratch, 'unused'), { ...settings, ...reaches.environment });
      reached = reaches.all;
    }, 500_000);
    afterAll(async () => {
      await cluster?.stop();
      await eventStore?.stop();
      for (const each of used) await clear(each);
      rmSync(scratch, { recursive: true, force: true });
    }, 120_000);

    it('has every event up to the moment at which the log was copied', () => {
      expect(history.length).toBeGreaterThan(0);
      expect(live.length).toBeGreaterThan(history.length);
      expect(live.slice(0, history.length)).toEqual(history);
    });

    it('has every object of the bucket, which goes into an empty one', () => {
      expect(objects.out).toBeGreaterThan(0);
      expect(objects.in).toBe(objects.out);
    });

    it('is refused by services with another key, which change nothing', () => {
      for (const { code, stderr, stdout } of refused) {
        expect(code).toBe(REFUSED);
        expect(stderr + stdout).toContain('is not the key that this instance was begun with');
        expect(stderr + stdout).toContain(KEY_MARK);
      }
      expect(afterRefusal).toEqual({ events: history.length, objects: objects.in });
    });

    it('does nothing again but greet its runners and go on with what was under way', () => {
      const others = again.filter(
        ({ stream, correlationId }) => !stream.startsWith('runner-') && correlationId !== held.id,
      );
      expect(others).toEqual([]);
    });

    it('loses the job that was under way, and runs it again', () => {
      expect(held.status).toBe('success');
      expect(jobNamed(held, 'build').attempt).toBe(2);
    });

    it('knows nothing of what came after the log was copied', async () => {
      expect(late.status).toBe('success');
      await expect(get(`/pipelines/${late.id}`)).rejects.toMatchObject({ status: 404 });
    });

    it('brings back read models that are those of its log', () => {
      expect(verified).toMatchObject({ code: 0, stderr: '' });
      expect(verified.stdout).toMatch(/\d+ events in \d+ streams: every event has its hash and its place/);
      expect(verified.stdout).toMatch(/[1-9]\d* documents and [1-9]\d* index entries .*: equal to the live ones/);
    });

    it('I12: is verified by a rebuild that reaches the log, the read models and nothing else, and starts nothing', () => {
      const hosts = ['EVENTSTORE', 'REDIS', 'S3'].map((name) => new URL(settings[`FOLDLINE_${name}_URL`]!).host);
      expect(reached.filter(({ what }) => what !== 'connect')).toEqual([]);
      const connected = new Set(reached.map(({ detail }) => detail));
      expect(connected).toEqual(new Set(hosts));
    });

    it('brings back pipelines, logs and artifacts', async () => {
      expect(await get(`/pipelines/${before.id}`)).toEqual(before);
      for (const name of ['build', 'again']) {
        const { id } = jobNamed(before, name);
        expect(await cluster!.client.text(`/api/${PROJECT}/jobs/${id}/logs`)).toContain('built');
      }
      const build = jobNamed(before, 'build').id;
      expect((await get<{ items: unknown[] }>(`/jobs/${build}/artifacts`)).items).toHaveLength(1);
      expect(await cluster!.client.text(`/api/${PROJECT}/jobs/${build}/artifacts/files/a.txt`)).toBe('built\n');
    });

    it('goes on from there, with the key that opens the secrets', async () => {
      expect((await runOne()).status).toBe('success');
    }, 150_000);

    it('is found to be wrong when a document in Redis was changed, was taken away or stands elsewhere', async () => {
      const redis = openRedis({ url: servers.redis, keyPrefix: settings['FOLDLINE_NAMESPACE']! });
      try {
        const { documents, index } = await keysOf(redis, settings['FOLDLINE_NAMESPACE']!);
        const text = String(await redis.call('read', 'HGET', documents, before.id));
        await redis.call('change', 'HSET', documents, before.id, text.replace('"success"', '"failed"'));
        expect(await verify()).toMatchObject({ code: 1, stdout: expect.stringContaining(`pipelines/${before.id}\n`) });
        await redis.call('mend', 'HSET', documents, before.id, text);
        const [member] = (await redis.call('read', 'ZRANGE', index, 0, 0)) as string[];
        await redis.call('take away', 'ZREM', index, member!);
        expect(await verify()).toMatchObject({ code: 1, stdout: expect.stringMatching(/^ {4}pipelines\/\S+$/m) });
        await redis.call('mend', 'ZADD', index, 0, member!);
        expect(await verify()).toMatchObject({ code: 0 });
      } finally {
        await redis.close();
      }
    }, 120_000);
  });
});

type Redis = ReturnType<typeof openRedis>;

/** The documents of pipelines, and one of their indexes. */
const keysOf = async (redis: Redis, namespace: string): Promise<{ documents: string; index: string }> => {
  const [, found] = (await redis.call('look', 'SCAN', 0, 'MATCH', `{${namespace}}:reads:*`, 'COUNT', 1_000_000)) as [
    string,
    string[],
  ];
  const named = (part: string): string => found.find((key) => key.includes(part))!;
  return { documents: named(':documents:pipelines'), index: named(':index:pipelines:') };
};
