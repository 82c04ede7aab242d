import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROJECT, jobNamed, until, type Accepted, type PipelineAnswer } from '@foldline/client';
import type { RecordedEvent } from '@foldline/contracts';
import { openRedis } from '@foldline/redis';
import { Cluster, EventStoreServer, clear, settingsFor, uniqueName, withServers } from './cluster.ts';
import { committed } from './repository.ts';
import { foldline, type Ended } from './run-cli.ts';

const DEFINITION = `
build:
  secrets: { SECRET: { vault: shop/key } }
  script:
    - test "$SECRET" = sealed-with-the-key
    - echo built > a.txt
  artifacts: { paths: [a.txt] }
again:
  needs: [build]
  script: cat a.txt
`;

withServers((servers) => {
  describe('a backup of the distributed form as docs/moving-up.md describes it', () => {
    let scratch: string;
    let settings: Record<string, string>;
    const namespaces: string[] = [];
    let eventStore: EventStoreServer | undefined;
    let cluster: Cluster | undefined;
    let before: PipelineAnswer;
    let history: RecordedEvent[];
    let again: RecordedEvent[];
    let verified: Ended;

    const get = <Answer>(path: string): Promise<Answer> => cluster!.client.get<Answer>(`/api/${PROJECT}${path}`);
    const pipelineWhen = (id: string, isThere: (pipeline: PipelineAnswer) => boolean): Promise<PipelineAnswer> =>
      until(
        `pipeline ${id}`,
        async () => {
          const pipeline = await get<PipelineAnswer>(`/pipelines/${id}`).catch(() => undefined);
          return pipeline && isThere(pipeline) && pipeline;
        },
        60_000,
      );
    const runOne = async (): Promise<PipelineAnswer> => {
      const { id } = await cluster!.client.post<Accepted>(`/api/${PROJECT}/pipelines`, { ref: 'main' });
      return pipelineWhen(
        id,
        ({ jobs, status }) => ['success', 'failed'].includes(status) && jobs.every((job) => 'log' in job),
      );
    };
    const verify = (): Promise<Ended> => foldline(['replay', '--verify'], join(scratch, 'unused'), settings);

    beforeAll(async () => {
      scratch = mkdtempSync(join(tmpdir(), 'foldline-backup-'));
      const url = committed(join(scratch, 'repository'), { '.codara-ci.yml': DEFINITION });
      eventStore = await EventStoreServer.start(join(scratch, 'eventstore'));
      settings = settingsFor(servers, eventStore.url, uniqueName('backup'));
      namespaces.push(settings['FOLDLINE_NAMESPACE']!);
      cluster = await Cluster.start(join(scratch, 'cluster'), settings);
      const [owner, name] = PROJECT.split('/');
      await cluster.client.post('/api/v1/projects', { owner, name, url });
      await cluster.client.post(`/api/${PROJECT}/secrets`, { path: 'shop/key', value: 'sealed-with-the-key' });
      before = await runOne();
      await cluster.stop();
      history = await eventStore.events();
      await eventStore.stop();
      cpSync(join(scratch, 'eventstore'), join(scratch, 'restored'), { recursive: true });
      rmSync(join(scratch, 'eventstore'), { recursive: true });
      eventStore = await EventStoreServer.start(join(scratch, 'restored'));
      // Nothing of Kafka and Redis, nor of the services' own disks.
      settings = { ...settings, FOLDLINE_EVENTSTORE_URL: eventStore.url, FOLDLINE_NAMESPACE: uniqueName('ns') };
      namespaces.push(settings['FOLDLINE_NAMESPACE']!);
      cluster = await Cluster.start(join(scratch, 'cluster-again'), settings);
      await cluster.caughtUp(history.length);
      await pipelineWhen(before.id, () => true);
      again = (await eventStore.events()).slice(history.length);
      verified = await verify();
    }, 400_000);
    afterAll(async () => {
      await cluster?.stop();
      await eventStore?.stop();
      for (const namespace of namespaces) await clear({ ...settings, FOLDLINE_NAMESPACE: namespace });
      rmSync(scratch, { recursive: true, force: true });
    }, 60_000);

    it('brings back every event, and does nothing again but greet its runners', async () => {
      expect((await eventStore!.events()).slice(0, history.length)).toEqual(history);
      expect(again.filter(({ stream }) => !stream.startsWith('runner-'))).toEqual([]);
    });

    it('brings back read models that are those of its log', () => {
      expect(verified).toMatchObject({ code: 0, stderr: '' });
      expect(verified.stdout).toMatch(/\d+ events in \d+ streams: every event has its hash and its place/);
      expect(verified.stdout).toMatch(/[1-9]\d* documents and [1-9]\d* index entries .*: equal to the live ones/);
    });

    it('brings back pipelines, logs and artifacts', async () => {
      expect(await get(`/pipelines/${before.id}`)).toEqual(before);
      const build = jobNamed(before, 'build').id;
      expect(await cluster!.client.text(`/api/${PROJECT}/jobs/${build}/logs`)).toContain('echo built');
      expect((await get<{ items: unknown[] }>(`/jobs/${build}/artifacts`)).items).toHaveLength(1);
    });

    it('goes on from there, with the key that opens the secrets', async () => {
      expect((await runOne()).status).toBe('success');
    }, 90_000);

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
