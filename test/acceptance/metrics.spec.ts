import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROJECT, Sandbox, START_MS, until } from '@foldline/client';

type Spread = { count: number; averageMs: number; p50Ms: number; p95Ms: number; maxMs: number };
type Named = {
  name: string;
  totalJobs: number;
  successRate: number;
  flaky: number;
  duration: Spread;
  resources: object;
};
type Figures = {
  totalJobs: number;
  successRate: number;
  avgDuration: number;
  cacheHitRate: number;
  duration: Spread;
  queueTime: Spread;
  projects: { project: string; totalJobs: number }[];
};
type Statistics = Omit<Figures, 'projects'> & {
  stages: Named[];
  jobNames: Named[];
  flaky: { name: string; flaky: number }[];
  artifacts: { count: number; bytes: number };
  delivery: {
    deploymentFrequency: { deployments: number };
    changeFailureRate: { percent: number };
    leadTime: Spread;
    timeToRestore: Spread;
    targets: { name: string; met: boolean | null }[];
  };
};

let sandbox: Sandbox;
let server: Server;
let address: string;
const received: Told[] = [];

beforeAll(async () => {
  sandbox = await Sandbox.start({ FOLDLINE_ALLOW_PRIVATE_TARGETS: 'true' });
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push(JSON.parse(Buffer.concat(chunks).toString()) as Told);
      response.writeHead(204).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts`;
}, START_MS);
afterAll(async () => {
  await sandbox?.stop();
  server.close();
}, START_MS);

const figures = (range = 'day'): Promise<Figures> => sandbox.client.get(`/metrics?range=${range}`);
const statistics = (): Promise<Statistics> => sandbox.client.get(`/api/${PROJECT}/statistics?range=day`);

describe('S1-15, C07 GET /metrics', () => {
  it('tells total jobs, success rate, average duration and cache hit rate of a range', async () => {
    const cached = 'cache: {key: deps, paths: [deps]}\n';
    const job = (script: string) => `  stage: test\n  script: ${script}\n`;
    const definition = `${cached}one:\n${job('mkdir -p deps; echo 1 > deps/x')}two:\n${job('sleep 0.4')}bad:\n${job('exit 3')}`;
    await sandbox.run(definition);
    await sandbox.run(definition);
    const { totalJobs, successRate, avgDuration, cacheHitRate, duration, queueTime, projects } = await figures();
    expect({ totalJobs, successRate }).toEqual({ totalJobs: 6, successRate: 66.7 });
    expect(cacheHitRate).toBeGreaterThanOrEqual(50);
    expect(avgDuration).toBe(duration.averageMs);
    expect(duration.maxMs).toBeGreaterThanOrEqual(400);
    expect(duration.p95Ms).toBeGreaterThanOrEqual(0.909 * 400);
    expect(duration.p95Ms).toBeLessThanOrEqual(duration.maxMs);
    expect(queueTime.count).toBe(6);
    expect(projects).toMatchObject([{ project: PROJECT, totalJobs: 6 }]);
  });

  it('answers Prometheus in its own format, and refuses a range that there is not', async () => {
    const response = await sandbox.client.raw('GET', '/metrics');
    expect(response.headers.get('content-type')).toContain('application/openmetrics-text');
    expect(await response.text()).toContain('foldline_jobs_total{outcome="failed"} 2\n');
    const json = await sandbox.client.raw('GET', '/metrics', { headers: { accept: 'application/json' } });
    expect(await json.json()).toMatchObject({ totalJobs: 6 });
    expect((await sandbox.client.raw('GET', '/metrics?range=year')).status).toBe(400);
  });
});

describe('S1-14 GET /cache/stats', () => {
  it('tells what caches hold and how often they were found', async () => {
    const stats = await sandbox.client.get<Record<string, number> & { projects: object[] }>('/cache/stats');
    expect(stats['entries']).toBeGreaterThan(0);
    expect(stats['bytes']).toBeGreaterThan(0);
    expect(stats['hits']! + stats['misses']! + stats['fallbacks']!).toBe(6);
    expect(stats['hitRate']).toBe((await figures()).cacheHitRate);
    expect(stats.projects).toMatchObject([{ project: PROJECT, hits: stats['hits'] }]);
  });
});

describe('S0-66, S3-39 the statistics of a project', () => {
  it('tell of stages, jobs and artifacts, and which jobs are flaky', async () => {
    const flaky = 'if [ -e came ]; then exit 0; fi; touch came; exit 1';
    const definition = [
      'shaky:',
      '  stage: build',
      '  retry: 1',
      `  script: '${flaky.replaceAll('came', `${sandbox.directory}/came`)}'`,
      'kept:',
      '  stage: build',
      '  script: echo twelve-bytes > kept',
      '  artifacts: {paths: [kept]}',
      '',
    ].join('\n');
    expect((await sandbox.run(definition)).status).toBe('success');
    const found = await statistics();
    expect(found.stages.map(({ name, totalJobs }) => [name, totalJobs])).toEqual([
      ['test', 6],
      ['build', 2],
    ]);
    expect(found.jobNames.find(({ name }) => name === 'bad')).toMatchObject({ totalJobs: 2, successRate: 0 });
    expect(found.flaky).toMatchObject([{ name: 'shaky', flaky: 1 }]);
    expect(found.artifacts.count).toBe(1);
  });
});

describe('S0-66, S4-38 what jobs use', () => {
  it('is measured by who runs them, and told of each and of all', async () => {
    const busy = 'i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done';
    const { jobs } = await sandbox.run(`busy:\n  stage: deploy\n  script: '${busy}'\n`);
    const { usage } = await sandbox.client.get<{ usage: { cpuMs: number } }>(`/api/${PROJECT}/jobs/${jobs[0]!.id}`);
    expect(usage.cpuMs).toBeGreaterThan(50);
    const { stages } = await statistics();
    expect(stages.find(({ name }) => name === 'deploy')!.resources).toMatchObject({ jobs: 1, cpuMs: usage.cpuMs });
  });
});

describe('S2-37, S4-40, S4-41 the four keys of delivery', () => {
  it('are counted of production, and held against their targets', async () => {
    const deploy = (script: string) =>
      sandbox.run(
        `ship:\n  script: ${script}\n  environment: production\nlook:\n  script: 'true'\n  environment: review/x\n`,
      );
    await deploy('exit 1');
    await deploy('echo shipped');
    const delivery = await until('the deployments', async () => {
      const { delivery: found } = await statistics();
      return found.timeToRestore.count === 1 && found;
    });
    expect(delivery).toMatchObject({
      deploymentFrequency: { deployments: 1 },
      changeFailureRate: { percent: 50 },
      leadTime: { count: 1 },
    });
    expect(Object.fromEntries(delivery.targets.map(({ name, met }) => [name, met]))).toMatchObject({
      leadTimeMs: true,
      timeToRestoreMs: true,
      successRate: false,
    });
  });
});

type Rule = { rule: string; status: string; threshold: number; alert: { value: number } | null };
type Told = { type: string; rule: string; value: number; project: string };
const alertsPath = `/api/${PROJECT}/alerts`;
const rules = async (): Promise<Rule[]> => (await sandbox.client.get<{ rules: Rule[] }>(alertsPath)).rules;
const ruleNamed = async (name: string): Promise<Rule> => (await rules()).find(({ rule }) => rule === name)!;
const untilIt = (name: string, status: string): Promise<Rule> =>
  until(`${name} to be ${status}`, async () => {
    const rule = await ruleNamed(name);
    return rule.status === status && rule;
  });
const setRules = (wanted: object[]): Promise<Response> =>
  sandbox.client.raw('PUT', alertsPath, {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ rules: wanted }),
  });
const GOOD = "good:\n  script: 'true'\n";

describe('A08, S1-48, S1-49, S1-50, S4-42, S4-44, S4-45 alerts', () => {
  it('have the thresholds of the seeds', async () =>
    expect(Object.fromEntries((await rules()).map(({ rule, threshold }) => [rule, threshold]))).toEqual({
      failure_rate: 10,
      queue_depth: 100,
      cache_hit_rate: 50,
      consecutive_failures: 2,
      slowdown: 50,
      deployment_failures: 0,
      critical_vulnerabilities: 0,
    }));

  it('are tried on the past before they are set, and nobody is told of that', async () => {
    const happened = () => sandbox.client.get(`${alertsPath}/history`);
    const before = await happened();
    const tried = await sandbox.client.post<{ firings: { value: number; resolvedAt: string | null }[] }>(
      `${alertsPath}/failure_rate/back-test`,
      { minimum: 2, sample: 2, range: 'day' },
    );
    expect(tried.firings.length).toBeGreaterThan(0);
    expect(await happened()).toEqual(before);
  });

  it('fire when deployments fail or builds do in a row, and are resolved by what succeeds', async () => {
    await sandbox.run(`${GOOD}ship:\n  needs: [good]\n  script: exit 1\n  environment: production\n`);
    expect(await untilIt('deployment_failures', 'firing')).toMatchObject({ alert: { value: 1 } });
    for (let time = 0; time < 2; time += 1) await sandbox.run("bad:\n  script: 'false'\n");
    expect((await untilIt('consecutive_failures', 'firing')).alert).toMatchObject({ value: 3 });
    await sandbox.run(`ship:\n  script: 'true'\n  environment: production\n`);
    await untilIt('consecutive_failures', 'ok');
    await untilIt('deployment_failures', 'ok');
    const { items } = await sandbox.client.get<{ items: object[] }>(`${alertsPath}/history`);
    expect(items).toContainEqual(expect.objectContaining({ rule: 'consecutive_failures', status: 'resolved' }));
  });

  it('are told to who subscribed to them, once when they fire and once when they are over', async () => {
    expect((await setRules([{ rule: 'failure_rate', minimum: 1, sample: 1 }])).status).toBe(200);
    await untilIt('failure_rate', 'ok');
    await sandbox.client.post(`/api/${PROJECT}/subscriptions`, { kind: 'webhook', url: address, on: ['alert'] });
    await sandbox.run("bad:\n  script: 'false'\n");
    await sandbox.run(GOOD);
    await untilIt('failure_rate', 'ok');
    await until('both messages', () => received.length >= 2);
    expect((await setRules([])).status).toBe(200);
    expect(received.map(({ type, rule, value, project }) => [type, rule, value, project]).toSorted()).toEqual([
      ['alert.firing', 'failure_rate', 100, PROJECT],
      ['alert.resolved', 'failure_rate', 0, PROJECT],
    ]);
  });
});

describe('D20 what is measured', () => {
  it('is folded from the log: after a crash it is what it was', async () => {
    const before = await figures('week');
    await sandbox.server.kill();
    await sandbox.restart();
    const { to: _to, ...after } = (await figures('week')) as Figures & { to: string };
    expect(before).toMatchObject(after);
  });
});
