import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CacheCommitted,
  CachePruned,
  CacheRestored,
  JobSucceeded,
  LogSealed,
  SnapshotPruned,
  SnapshotTaken,
} from '@foldline/contracts';
import type { Clock, RetentionRules } from '@foldline/kernel';
import { closeAndRemove, startGatewayWithProject, type StartedGateway } from '../gateway.fixture.ts';
import { projectIdOf } from '../projects/project-names.ts';
import { startJob } from '../started-job.fixture.ts';
import { MaintenanceQueries } from './maintenance.queries.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const projectId = projectIdOf('ada', 'engine');

let gateway: StartedGateway;
beforeAll(async () => {
  gateway = await startGatewayWithProject();
});
afterAll(() => closeAndRemove(gateway));

const entry = (cacheId: string) => ({ cacheId, projectId, scope: 'protected', key: `key-${cacheId}` }) as const;
const layer = (fill: string, bytes: number) => ({ digest: fill.repeat(64), bytes, content: bytes });
const saved = (id: string, fill: string, layers: ReturnType<typeof layer>[]) => {
  const tree = { manifestDigest: fill.repeat(64), layers, files: 1, bytes: 100 };
  return gateway.record(
    `cache-${id}`,
    'p0',
    CacheCommitted({ ...entry(id), pipelineId: 'p0', jobId: 'p0.0', ...tree }),
  );
};
/** What the API would say so many days from now, under these rules. */
const inDays = (days: number, more: Partial<RetentionRules> = {}): ReturnType<MaintenanceQueries['next']> => {
  const now = (): string => new Date(Date.now() + days * DAY_MS).toISOString();
  const { readStore, settings, clock } = gateway.ports;
  const later: Clock = { now, monotonic: () => clock.monotonic(), sleep: (...args) => clock.sleep(...args) };
  return new MaintenanceQueries(readStore, later, {
    ...settings,
    retention: { ...settings.retention, ...more },
  }).next();
};

describe('What the next maintenance would delete', () => {
  it('is told with why, by the rule that it goes by, and nothing is deleted', async () => {
    await saved('c1', '1', [layer('a', 10), layer('b', 5)]);
    expect((await inDays(29)).items).toEqual([]);
    const told = await inDays(31);
    expect(told).toMatchObject({ count: 1, bytes: 15, waiting: { count: 0, bytes: 0 } });
    const because = { rule: 'unused', detail: 'nobody used it for 30 days' };
    expect(told.items).toEqual([
      {
        kind: 'cache',
        id: 'c1',
        project: 'ada/engine',
        name: 'key-c1',
        bytes: 15,
        lastUsedAt: expect.any(String),
        ...because,
      },
    ]);
    expect(await inDays(31)).toEqual(told);
  });

  it('leaves out what a running job has restored', async () => {
    const { jobId, pipelineId, attemptId } = await startJob(gateway, 'uses1');
    const fact = { attemptId, pipelineId, jobId, attempt: 1, key: 'key-c1', cacheId: 'c1', files: 1, bytes: 1 };
    await gateway.record(`attempt-${attemptId}`, pipelineId, CacheRestored({ ...fact, result: 'hit' }));
    expect((await inDays(31)).items).toEqual([]);
    await gateway.record(`pipeline-${pipelineId}`, pipelineId, JobSucceeded({ pipelineId, jobId, attempt: 1 }));
    expect((await inDays(31)).items).toHaveLength(1);
  });

  it('is also what the steps of jobs have made, once the job has ended', async () => {
    const { jobId, pipelineId, attemptId } = await startJob(gateway, 'made1');
    const about = { attemptId, pipelineId, jobId, projectId, attempt: 1, step: 0, trees: [] };
    const made = { ...about, manifestDigest: 'f'.repeat(64), layers: [layer('e', 20)] };
    await gateway.record(
      `attempt-${attemptId}`,
      pipelineId,
      SnapshotTaken({ ...made, files: 1, bytes: 9, durationMs: 1 }),
    );
    expect((await inDays(8)).items).toEqual([]);
    await gateway.record(`pipeline-${pipelineId}`, pipelineId, JobSucceeded({ pipelineId, jobId, attempt: 1 }));
    expect((await inDays(6)).items).toEqual([]);
    const because = { rule: 'age', detail: 'it was taken more than 7 days ago' } as const;
    expect((await inDays(8)).items).toEqual([
      {
        kind: 'snapshot',
        id: `${attemptId}/0`,
        project: 'ada/engine',
        name: 'build',
        bytes: 20,
        lastUsedAt: expect.any(String),
        ...because,
      },
    ]);
    await gateway.record(`snapshot-${attemptId}.0`, pipelineId, SnapshotPruned({ ...made, bytes: 20, because }));
    expect(await inDays(8)).toMatchObject({ items: [], waiting: { count: 1, bytes: 20 } });
  });

  it('is also the output of jobs, where a setting says how long that is kept', async () => {
    const { jobId, pipelineId, attemptId } = await startJob(gateway, 'logs1');
    const log = { bytes: 7, sha256: 'e'.repeat(64), complete: true };
    await gateway.record(`log-${attemptId}`, pipelineId, LogSealed({ attemptId, jobId, pipelineId, ...log }));
    await gateway.record(`pipeline-${pipelineId}`, pipelineId, JobSucceeded({ pipelineId, jobId, attempt: 1 }));
    expect((await inDays(29)).items).toEqual([]);
    expect((await inDays(29, { logMs: 28 * DAY_MS })).items).toMatchObject([
      { kind: 'log', id: jobId, project: 'ada/engine', name: 'build', bytes: 7, rule: 'age' },
    ]);
  });

  it('counts what was pruned and whose bytes are still there', async () => {
    const because = { rule: 'unused', detail: 'nobody used it' } as const;
    const pruned = CachePruned({ ...entry('c1'), manifestDigest: '1'.repeat(64), bytes: 15, because });
    await gateway.record('cache-c1', 'p0', pruned);
    expect(await inDays(31)).toMatchObject({ items: [], count: 0, waiting: { count: 2, bytes: 35 } });
  });

  it('is answered over HTTP to the administrator alone', async () => {
    const { body } = await gateway.as('get', '/api/v1/maintenance').expect(200);
    expect(body).toMatchObject({ items: [], count: 0, bytes: 0 });
    await gateway.anonymous.get('/api/v1/maintenance').expect(401);
    await gateway.anonymous.post('/api/v1/maintenance').expect(401);
  });
});

describe('Maintenance that somebody asks for', () => {
  const wishes = async (): Promise<number> => (await gateway.ports.eventStore.readStream('access-maintenance')).length;

  it('is a wish on record each time', async () => {
    const { body, headers } = await gateway.as('post', '/api/v1/maintenance').expect(202);
    expect(headers['x-event-position']).toBe(String(body.position));
    await gateway.as('post', '/api/v1/maintenance').expect(202);
    expect(await wishes()).toBe(2);
  });

  it('is one wish under one key', async () => {
    const before = await wishes();
    const ask = () => gateway.as('post', '/api/v1/maintenance').set('Idempotency-Key', 'tonight').expect(202);
    await ask();
    expect((await ask()).headers['idempotent-replayed']).toBe('true');
    expect(await wishes()).toBe(before + 1);
  });

  it('takes no body', async () => {
    const { body } = await gateway.as('post', '/api/v1/maintenance').send({ all: true }).expect(400);
    expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/all' }] });
  });
});
