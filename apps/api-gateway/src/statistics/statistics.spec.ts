import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CacheCommitted, CacheRestored, JobFailed, JobSucceeded } from '@foldline/contracts';
import { closeAndRemove, startGateway, type StartedGateway } from '../gateway.fixture.ts';
import { projectIdOf } from '../projects/project-names.ts';
import { finishPipeline, startJob } from '../started-job.fixture.ts';

let gateway: StartedGateway;

beforeAll(async () => {
  gateway = await startGateway();
  for (const owner of ['ada', 'bob'])
    await gateway
      .as('post', '/api/v1/projects')
      .send({ owner, name: 'engine', url: gateway.repository.url })
      .expect(201);
  const end = async (pipelineId: string, owner: string, result: 'hit' | 'miss', isGood: boolean): Promise<void> => {
    const job = await startJob(gateway, pipelineId, owner);
    const attempt = { pipelineId, jobId: job.jobId, attempt: 1 };
    const cache = { key: 'k', result, files: 1, bytes: 20 };
    await gateway.record(
      `attempt-${job.attemptId}`,
      pipelineId,
      CacheRestored({ ...attempt, attemptId: job.attemptId, ...cache }),
    );
    const failure = { reason: 'script_failure', allowed: false, final: true } as const;
    await gateway.record(
      `pipeline-${pipelineId}`,
      pipelineId,
      isGood ? JobSucceeded(attempt) : JobFailed({ ...attempt, ...failure }),
    );
    if (isGood) await finishPipeline(gateway, job);
  };
  await end('good', 'ada', 'miss', true);
  await end('better', 'ada', 'hit', true);
  await end('bad', 'bob', 'hit', false);
  await startJob(gateway, 'running', 'bob');
  const projectId = projectIdOf('ada', 'engine');
  const of = { pipelineId: 'good', projectId, jobId: 'good.0', manifestDigest: 'd'.repeat(64), files: 1 };
  const entry = CacheCommitted({ ...of, cacheId: 'c1', scope: 'protected', key: 'k', bytes: 50 });
  await gateway.record('cache-c1', 'good', entry);
});
afterAll(() => closeAndRemove(gateway));

describe('GET /metrics', () => {
  it.each(['hour', 'day', 'week', 'month'])('tells the figures of the seed for ?range=%s', async (range) => {
    const { body, headers } = await gateway.as('get', `/metrics?range=${range}`).expect(200);
    expect(headers['content-type']).toContain('application/json');
    expect(body).toMatchObject({
      range,
      totalJobs: 3,
      successRate: 66.7,
      avgDuration: expect.any(Number),
      cacheHitRate: 66.7,
      jobs: { success: 2, failed: 1, flaky: 0 },
      duration: { count: 3 },
      queueTime: { count: 3 },
      pipelines: { total: 2, successRate: 100 },
      queue: { waiting: 0 },
    });
    expect(Date.parse(body.from)).toBeLessThan(Date.parse(body.to));
  });

  it('tells them of each project, those with the most jobs first', async () => {
    const { body } = await gateway.as('get', '/metrics?range=day').expect(200);
    expect(body.projects).toMatchObject([
      { project: 'ada/engine', totalJobs: 2, successRate: 100 },
      { project: 'bob/engine', totalJobs: 1, successRate: 0 },
    ]);
  });

  it('tells them hour by hour', async () => {
    const { body } = await gateway.as('get', '/metrics?range=hour').expect(200);
    const hours = body.series as { hour: string; totalJobs: number }[];
    expect(hours.map(({ hour }) => hour)).toEqual(hours.map(({ hour }) => hour).toSorted());
    expect(hours.reduce((sum, { totalJobs }) => sum + totalJobs, 0)).toBe(3);
  });

  it('is JSON for who asks for JSON, and else OpenMetrics', async () => {
    const { body } = await gateway.as('get', '/metrics').set('Accept', 'application/json;q=0.9').expect(200);
    expect(body).toMatchObject({ range: 'day', totalJobs: 3 });
    for (const [path, accept] of [
      ['/metrics', '*/*'],
      ['/metrics', 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5'],
      ['/metrics/prometheus', 'application/json'],
    ] as const) {
      const { text, headers } = await gateway.as('get', path).set('Accept', accept).expect(200);
      expect(headers['content-type']).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
      expect(text).toContain('foldline_jobs_total{outcome="success"} 2\n');
      expect(text.endsWith('# EOF\n')).toBe(true);
    }
  });

  it.each(['decade', '', 'day%0a', 'constructor'])('refuses the range "%s"', async (range) => {
    const { body } = await gateway.as('get', `/metrics?range=${range}`).expect(400);
    expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/range' }] });
  });

  it('is for nobody without the token', async () => {
    for (const path of ['/metrics', '/metrics?range=day', '/metrics/prometheus', '/cache/stats'])
      await gateway.anonymous.get(path).expect(401);
  });
});

describe('GET /cache/stats', () => {
  it('tells what caches hold and how often something was found', async () => {
    const { body } = await gateway.as('get', '/cache/stats').expect(200);
    expect(body).toEqual({
      entries: 1,
      bytes: 50,
      hits: 2,
      fallbacks: 0,
      misses: 1,
      hitRate: 66.7,
      bytesRestored: 60,
      entriesSaved: 1,
      bytesSaved: 50,
      projects: expect.arrayContaining([
        expect.objectContaining({ project: 'ada/engine', entries: 1, hits: 1, misses: 1, hitRate: 50 }),
        expect.objectContaining({ project: 'bob/engine', entries: 0, hits: 1, misses: 0, hitRate: 100 }),
      ]),
    });
  });
});

describe('the statistics of a project', () => {
  it('are told by stages and by jobs', async () => {
    const { body } = await gateway.as('get', '/api/ada/engine/statistics?range=hour').expect(200);
    expect(body).toMatchObject({
      range: 'hour',
      totalJobs: 2,
      successRate: 100,
      stages: [{ name: 'test', totalJobs: 2, success: 2, duration: { count: 2 } }],
      jobNames: [{ name: 'build', totalJobs: 2, timeSavedMs: expect.any(Number) }],
      flaky: [],
      caches: { hits: 1, misses: 1, hitRate: 50 },
      artifacts: { count: 0, averageBytes: null },
      delivery: { deploymentFrequency: { deployments: 0, perDay: 0 }, changeFailureRate: { percent: null } },
    });
  });

  it('are of a day when no range is given, and of projects that there are', async () => {
    const { body } = await gateway.as('get', '/api/bob/engine/statistics').expect(200);
    expect(body).toMatchObject({ range: 'day', totalJobs: 1, jobs: { failed: 1 } });
    await gateway.as('get', '/api/carol/engine/statistics').expect(404);
    await gateway.as('get', '/api/bob/engine/statistics?range=30d').expect(400);
  });
});

describe('the dashboard', () => {
  it('is a page that anybody may load, with nothing to run or to style in itself', async () => {
    const { text, headers } = await gateway.anonymous.get('/dashboard').expect(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(headers['content-security-policy']).not.toMatch(/unsafe|nonce|https?:|\*/);
    expect(text).not.toMatch(/<script[^>]*>[^<]|<style| on[a-z]+=| style=|https?:/);
    for (const [path, type] of [
      ['script.js', 'text/javascript'],
      ['style.css', 'text/css'],
    ] as const) {
      expect(text).toContain(`/dashboard/${path}"`);
      const part = await gateway.anonymous.get(`/dashboard/${path}`).expect(200);
      expect(part.headers['content-type']).toContain(type);
    }
  });
});
