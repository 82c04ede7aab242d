import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROJECT, START_MS, Sandbox, jobNamed, until, viewLog, type PipelineAnswer } from '@foldline/client';
import { openRedis } from '@foldline/redis';
import { OwnRedis, withPrograms, withRealServer } from '@foldline/testing';
import { Wire } from './wire.ts';

const LEASE_SECONDS = 6;
const SETTLED_MS = 90_000;
const TEST_MS = 180_000;
const SHOWN = 'x-read-models';

/** What the distributed mode promises while one of its servers is down (docs/reliability.md). */
const suite = (s3Url: string): void => {
  describe('while a server is down', () => {
    let sandbox: Sandbox;
    let redis: OwnRedis;
    let s3: Wire;

    beforeAll(async () => {
      redis = await OwnRedis.start();
      s3 = await Wire.to(new URL(s3Url));
      const { username, password } = new URL(s3Url);
      process.env['FOLDLINE_TEST_REDIS_URL'] = redis.url;
      process.env['FOLDLINE_TEST_S3_URL'] = `http://${username}:${password}@${s3.host}`;
      const environment = { FOLDLINE_RUNNER_LEASE_SECONDS: String(LEASE_SECONDS) };
      sandbox = await Sandbox.start(environment, {}, { topology: 'distributed' });
    }, START_MS);
    afterAll(async () => {
      s3.mend();
      try {
        // Fails when a service has ended by itself.
        await sandbox.stop();
      } finally {
        s3.close();
        await redis.close();
      }
    }, START_MS);

    const get = (path: string): Promise<Response> => sandbox.client.raw('GET', path);
    const file = (name: string): string => join(sandbox.directory, name);
    /** A script that says that it runs, and goes on when the file is there. */
    const waitingFor = (name: string): string =>
      `echo begun; touch ${file(`${name}-runs`)}; while [ ! -e ${file(name)} ]; do sleep 0.1; done; echo went on`;
    const triggered = async (definition: string): Promise<string> => {
      sandbox.commit({ '.codara-ci.yml': definition });
      return (await sandbox.trigger()).id;
    };
    const appears = (name: string): Promise<true> => until(name, () => existsSync(file(name)), SETTLED_MS);
    /** The pipeline, which must end well, although nobody may answer for a while. */
    const succeeded = (id: string): Promise<PipelineAnswer> =>
      until(
        `pipeline ${id} to succeed`,
        async () => {
          const pipeline = await sandbox.pipeline(id).catch(() => undefined);
          if (pipeline && ['failed', 'cancelled'].includes(pipeline.status)) throw new Error(JSON.stringify(pipeline));
          return pipeline?.status === 'success' && pipeline;
        },
        SETTLED_MS,
      );
    const everyServicesPid = (): number[] =>
      sandbox.cluster.pids.filter((pid) => pid !== sandbox.cluster.eventStore.pid);

    const forgetEverything = async (): Promise<void> => {
      const connection = openRedis({ url: redis.url, keyPrefix: 'test' });
      await connection.call('forget everything', 'FLUSHALL');
      await connection.close();
    };

    describe('EventStoreDB', () => {
      it(
        'documents are shown as stale, writes come later, jobs go on and no lease ends',
        async () => {
          const id = await triggered(`build: { script: ['${waitingFor('go')}', 'touch ${file('done')}'] }`);
          await appears('go-runs');
          await sandbox.jobIs(id, 'build', 'running');
          const pids = everyServicesPid();
          await sandbox.cluster.eventStore.kill();

          await until('the mark', async () => (await get('/api/v1/projects')).headers.get(SHOWN) === 'stale');
          const shown = await get(`/api/${PROJECT}/pipelines/${id}`);
          expect(shown.status).toBe(200);
          expect(shown.headers.get(SHOWN)).toBe('stale');
          const body = JSON.stringify({ ref: 'main' });
          const headers = { 'content-type': 'application/json' };
          const refused = await sandbox.client.raw('POST', `/api/${PROJECT}/pipelines`, { headers, body });
          expect(refused.status).toBe(503);
          expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
          writeFileSync(file('go'), '');
          await appears('done');
          // For longer than a lease is good for.
          await sleep(2 * LEASE_SECONDS * 1000);
          await sandbox.cluster.eventStore.start();

          const pipeline = await succeeded(id);
          expect(jobNamed(pipeline, 'build').attempt).toBe(1);
          expect(await sandbox.log(jobNamed(pipeline, 'build').id)).toContain('went on');
          await until('no mark', async () => (await get('/api/v1/projects')).headers.get(SHOWN) === null);
          expect(everyServicesPid()).toEqual(pids);
        },
        TEST_MS,
      );
    });

    describe('Redis', () => {
      it(
        'jobs go on, and who follows a log or the events is shown what comes',
        async () => {
          const id = await triggered(`build: { script: ['${waitingFor('again')}', 'sleep 8'] }`);
          await appears('again-runs');
          const running = await sandbox.jobIs(id, 'build', 'running');
          const build = jobNamed(running, 'build');
          const seen: string[] = [];
          const viewing = (async () => {
            for await (const text of viewLog(sandbox.client.connection, build.id)) seen.push(text);
          })();
          await until('the first line', () => seen.join('').includes('begun'));
          await redis.kill();
          try {
            writeFileSync(file('again'), '');
            await until('the next line', () => seen.join('').includes('went on'), SETTLED_MS);
            expect((await get('/api/v1/projects')).status).toBe(503);
          } finally {
            await redis.up();
          }
          await viewing;
          expect(jobNamed(await succeeded(id), 'build').attempt).toBe(1);
        },
        TEST_MS,
      );

      it(
        'which has lost its memory, the API says that it is rebuilding, and shows everything again afterwards',
        async () => {
          const whole = async (): Promise<unknown> => {
            const answer = await get(`/api/${PROJECT}/pipelines?limit=200`);
            return answer.status === 200 ? answer.json() : answer.status;
          };
          const before = await whole();
          // Nobody can fill them from a log that is away.
          await sandbox.cluster.eventStore.kill();
          await forgetEverything();
          const lost = await get('/api/v1/projects');
          expect(lost.status).toBe(503);
          expect(Number(lost.headers.get('retry-after'))).toBeGreaterThan(0);
          expect(await lost.json()).toMatchObject({ code: 'rebuilding' });
          expect((await get('/readyz')).status).toBe(503);
          await sandbox.cluster.eventStore.start();
          await until('the documents', async () => (await get('/readyz')).ok, SETTLED_MS);
          expect(await whole()).toEqual(before);
        },
        TEST_MS,
      );
    });

    describe('S3', () => {
      it(
        'jobs wait for what they need and for what they keep, logs are spooled, and their viewers wait',
        async () => {
          const id = await triggered(`
make: { script: [mkdir out, 'seq 1 20000 > out/numbers', '${waitingFor('keep')}'], artifacts: { paths: [out] } }
use: { needs: [make], script: ['wc -l < out/numbers', '${waitingFor('late')}', 'cat out/numbers'] }
`);
          await appears('keep-runs');
          const pids = everyServicesPid();
          const make = jobNamed(await sandbox.jobIs(id, 'make', 'running'), 'make');
          const answer = await get(`/api/${PROJECT}/jobs/${make.id}/logs?follow=true`);
          const followed = answer.text();

          s3.cut();
          writeFileSync(file('keep'), '');
          // The script ends, and its artifacts cannot be kept.
          await sleep(5_000);
          s3.mend();
          await appears('late-runs');
          expect(await followed).toContain('went on');
          const use = jobNamed(await sandbox.jobIs(id, 'use', 'running'), 'use');
          const stillFollowed = (await get(`/api/${PROJECT}/jobs/${use.id}/logs?follow=true`)).text();
          s3.cut();
          writeFileSync(file('late'), '');
          await until('the end', async () => (await sandbox.pipeline(id)).status === 'success', SETTLED_MS);
          // The gateway looks more than once how the log of the job stands that has ended.
          await sleep(3_000);
          const unread = await get(`/api/${PROJECT}/jobs/${use.id}/logs`);
          expect(unread.status).toBe(503);
          expect((await get(`/api/${PROJECT}/jobs/${make.id}/artifacts`)).status).toBe(503);
          s3.mend();

          const log = await until('the whole log', async () => {
            const text = await sandbox.log(use.id).catch(() => '');
            return text.includes('\n20000\n') && text;
          });
          expect(log).toContain('went on');
          expect(await stillFollowed).toBe(log);
          const ofMake = await sandbox.log(make.id);
          expect(ofMake).toMatch(/WARNING: the object store does not answer; waiting up to 30 minutes/);
          expect(ofMake).toMatch(/After \d+ s the object store answers again/);
          expect(jobNamed(await sandbox.pipeline(id), 'make')).toMatchObject({ attempt: 1, status: 'success' });
          expect(everyServicesPid()).toEqual(pids);
        },
        TEST_MS,
      );
    });
  });
};

withPrograms(['redis-server'], () =>
  withRealServer('FOLDLINE_TEST_KAFKA_BROKERS', () => withRealServer('FOLDLINE_TEST_S3_URL', suite)),
);
