import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Metrics } from './metrics.ts';
import { startOpsServer, type Check } from './ops-server.ts';

describe('the operations port of a service', () => {
  let metrics: Metrics;
  let kafka: Check['test'];
  let ops: Awaited<ReturnType<typeof startOpsServer>>;

  beforeEach(async () => {
    metrics = new Metrics('scheduler');
    kafka = async () => undefined;
    ops = await startOpsServer({ host: '127.0.0.1', port: 0 }, metrics);
  });
  afterEach(() => ops.close());

  const isUp = ({ isNeeded } = { isNeeded: true }): void =>
    ops.ready([
      { name: 'eventstore', test: async () => undefined, isNeeded },
      { name: 'kafka', test: () => kafka(), isNeeded },
    ]);
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${ops.port}${path}`);
  const sample = async (name: string): Promise<string | undefined> =>
    (await (await get('/metrics')).text()).split('\n').find((line) => line.startsWith(name));

  it('says that the process answers while its servers are waited for, and that it is not ready', async () => {
    expect((await get('/healthz')).status).toBe(200);
    const answer = await get('/readyz');
    expect([answer.status, await answer.json()]).toEqual([503, { status: 'starting' }]);
  });

  it('is ready when its servers answer', async () => {
    isUp();
    const answer = await get('/readyz');
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { status: 'ok', checks: { eventstore: 'ok', kafka: 'ok' } },
    ]);
  });

  it('names the server that does not answer', async () => {
    kafka = async () => {
      throw new Error('no broker can be reached');
    };
    isUp();
    const answer = await get('/readyz');
    expect([answer.status, await answer.json()]).toEqual([
      503,
      { status: 'unavailable', checks: { eventstore: 'ok', kafka: 'no broker can be reached' } },
    ]);
  });

  it('is ready without a server that it is of use without, and names it', async () => {
    kafka = async () => {
      throw new Error('no broker can be reached');
    };
    isUp({ isNeeded: false });
    const answer = await get('/readyz');
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { status: 'degraded', checks: { eventstore: 'ok', kafka: 'no broker can be reached' } },
    ]);
  });

  it('refuses a port that is taken, and names the setting that chooses another', async () => {
    await expect(startOpsServer({ host: '127.0.0.1', port: ops.port }, metrics)).rejects.toMatchObject({
      code: 'cannot_listen',
      message: expect.stringContaining('FOLDLINE_OPS_PORT'),
    });
  });

  it('is not ready any more when the service stops, and still answers', async () => {
    isUp();
    ops.stopping();
    isUp();
    expect((await get('/readyz')).status).toBe(503);
    expect((await get('/healthz')).status).toBe(200);
  });

  it('measures in the text format of OpenMetrics', async () => {
    metrics.handled('JobQueued', 'done', 0.02);
    metrics.appended('refused', 0.001);
    const answer = await get('/metrics');
    const text = await answer.text();
    expect(answer.headers.get('content-type')).toMatch(/^application\/openmetrics-text/);
    expect(text.trimEnd().endsWith('# EOF')).toBe(true);
    expect(text).toContain(
      'foldline_event_handling_seconds_count{service="scheduler",type="JobQueued",outcome="done"} 1',
    );
    expect(text).toContain('foldline_append_seconds_count{service="scheduler",outcome="refused"} 1');
  });

  it('leaves out what cannot be told now', async () => {
    let lag: () => Promise<number> = async () => 7;
    metrics.gauge('foldline_consumer_lag', 'Events not handled', () => lag());
    expect(await sample('foldline_consumer_lag')).toBe('foldline_consumer_lag{service="scheduler"} 7');
    lag = async () => {
      throw new Error('Kafka is away');
    };
    expect(await sample('foldline_consumer_lag')).toBeUndefined();
  });

  it('tells values apart by a label, and no more of one that is gone', async () => {
    let waiting = new Map([
      ['any', 2],
      ['low-power', 1],
    ]);
    metrics.gauges('foldline_jobs_waiting', 'Jobs that wait', 'cluster', () => waiting);
    expect(await sample('foldline_jobs_waiting{cluster="low')).toBe(
      'foldline_jobs_waiting{cluster="low-power",service="scheduler"} 1',
    );
    waiting = new Map([['any', 0]]);
    expect(await sample('foldline_jobs_waiting{')).toBe('foldline_jobs_waiting{cluster="any",service="scheduler"} 0');
    expect(await sample('foldline_jobs_waiting{cluster="low')).toBeUndefined();
  });

  it('waits for values that are asked for, and tells none when there is no answer', async () => {
    let builds = async () => new Map([['queued', 3]]);
    metrics.gauges('foldline_builds', 'Builds', 'status', () => builds());
    expect(await sample('foldline_builds{')).toBe('foldline_builds{status="queued",service="scheduler"} 3');
    builds = async () => {
      throw new Error('Redis is away');
    };
    expect(await sample('foldline_builds{')).toBeUndefined();
  });

  it('knows no other path', async () => {
    expect((await get('/anything')).status).toBe(404);
  });
});
