import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ALERT_RULES, AlertFired, JobFailed, PipelineFinished } from '@foldline/contracts';
import { closeAndRemove, startGatewayWithProject, type StartedGateway } from '../gateway.fixture.ts';
import { projectIdOf } from '../projects/project-names.ts';
import { startJob } from '../started-job.fixture.ts';

const base = '/api/ada/engine/alerts';
const projectId = projectIdOf('ada', 'engine');
let gateway: StartedGateway;

beforeAll(async () => {
  gateway = await startGatewayWithProject();
  for (const id of ['p1', 'p2', 'p3']) {
    const { jobId, context } = await startJob(gateway, id);
    const failure = { reason: 'script_failure', allowed: false, final: true } as const;
    await gateway.record(
      `pipeline-${id}`,
      id,
      JobFailed({ pipelineId: id, jobId, attempt: 1, ...failure }),
      PipelineFinished({ pipelineId: id, status: 'failed', context }),
    );
  }
  const at = new Date().toISOString();
  const told = { alertId: `${projectId}.1`, projectId, project: 'ada/engine', at, number: 1, count: 3 };
  const fired = AlertFired({ ...told, rule: 'consecutive_failures', value: 3, threshold: 2 });
  await gateway.record(`alert-${projectId}`, 'x', fired);
});
afterAll(() => closeAndRemove(gateway));

const ruleNamed = async (name: string) => {
  const { body } = await gateway.as('get', base).expect(200);
  return (body.rules as { rule: string }[]).find(({ rule }) => rule === name);
};
const set = (rules: unknown) => gateway.as('put', base).send({ rules });
const tried = (rule: string, body?: object) => gateway.as('post', `${base}/${rule}/back-test`).send(body);

describe('alert rules', () => {
  it('are those of the seeds until somebody wants others, and tell which of them hold', async () => {
    const { body } = await gateway.as('get', base).expect(200);
    expect(body.rules.map(({ rule }: { rule: string }) => rule)).toEqual(ALERT_RULES);
    expect(await ruleNamed('failure_rate')).toEqual({
      rule: 'failure_rate',
      enabled: true,
      threshold: 10,
      sample: 50,
      minimum: 10,
      status: 'ok',
      alert: null,
    });
    expect(await ruleNamed('consecutive_failures')).toMatchObject({
      threshold: 2,
      status: 'firing',
      alert: { value: 3, resolvedAt: null },
    });
  });

  it('are set as a whole, and once', async () => {
    const rules = [
      { rule: 'failure_rate', threshold: 12.5, sample: null },
      { rule: 'slowdown', enabled: false },
    ];
    const { body } = await set(rules).expect(200);
    expect(body.rules[0]).toEqual({ rule: 'failure_rate', enabled: true, threshold: 12.5, sample: 50, minimum: 10 });
    expect((await set(rules).expect(200)).body.position).toBe(body.position);
    const { body: shown } = await gateway.as('get', `${base}?minPosition=${body.position}`).expect(200);
    expect(shown.rules[4]).toMatchObject({ rule: 'slowdown', enabled: false });
    const again = await set([]).expect(200);
    await gateway.as('get', `${base}?minPosition=${again.body.position}`).expect(200);
    expect(await ruleNamed('slowdown')).toMatchObject({ enabled: true });
  });

  it.each<[string, unknown, string]>([
    ['there is not', [{ rule: 'luck' }], '/rules/0/rule'],
    ['stands there twice', [{ rule: 'slowdown' }, { rule: 'slowdown', threshold: 1 }], '/rules/1/rule'],
    ['wants more than it looks at', [{ rule: 'failure_rate', sample: 5 }], '/rules/0/minimum'],
    ['has no number for a threshold', [{ rule: 'slowdown', threshold: '5' }], '/rules/0/threshold'],
    ['has a threshold below nothing', [{ rule: 'slowdown', threshold: -1 }], '/rules/0/threshold'],
    ['looks at too much', [{ rule: 'slowdown', sample: 101 }], '/rules/0/sample'],
    ['says more than a rule says', [{ rule: 'slowdown', __proto__x: 1 }], '/rules/0/__proto__x'],
    ['is none', ['slowdown'], '/rules'],
    ['is no list', { rule: 'slowdown' }, '/rules'],
  ])('with one that %s are refused', async (_what, rules, pointer) => {
    const { body } = await set(rules).expect(400);
    expect(body.code).toBe('invalid_request');
    expect(JSON.stringify(body.errors)).toContain(pointer);
  });
});

describe('a back-test', () => {
  it('tells when the rule would have held, and stores nothing', async () => {
    const before = await gateway.ports.eventStore.lastPosition();
    const { body } = await tried('consecutive_failures').expect(200);
    expect(body).toMatchObject({
      rule: 'consecutive_failures',
      threshold: 2,
      default: { threshold: 2 },
      complete: true,
      firings: [{ value: 3, peak: 3, resolvedAt: null }],
    });
    expect((await tried('consecutive_failures', { threshold: 3, range: 'hour' }).expect(200)).body.firings).toEqual([]);
    const rates = await tried('failure_rate', { minimum: 3, sample: 3 }).expect(200);
    expect(rates.body.firings).toMatchObject([{ value: 100 }]);
    for (const rule of ALERT_RULES) await tried(rule, {}).expect(200);
    expect(await gateway.ports.eventStore.lastPosition()).toBe(before);
  });

  it('is of rules and projects that there are', async () => {
    await tried('luck').expect(404);
    await tried('constructor').expect(404);
    await gateway.as('post', '/api/ada/nothing/alerts/slowdown/back-test').expect(404);
    for (const body of [{ threshold: 'x' }, { range: 'year' }, { sample: 0 }, { rule: 'slowdown' }])
      await tried('slowdown', body).expect(400);
  });

  it.each([
    ['failure_rate', { threshold: 101 }, '/threshold'],
    ['cache_hit_rate', { threshold: 101 }, '/threshold'],
    ['failure_rate', { sample: 5 }, '/minimum'],
  ])('is refused, as the rule would be, of what cannot be: %s %j', async (rule, wanted, pointer) => {
    const { body } = await tried(rule, wanted).expect(400);
    expect(body.errors).toEqual([{ pointer, message: expect.any(String) }]);
    expect((await set([{ rule, ...wanted }]).expect(400)).body.errors).toMatchObject([
      { pointer: `/rules/0${pointer}` },
    ]);
  });
});

describe('alerts', () => {
  it('are listed, of the project and of all', async () => {
    const { body } = await gateway.as('get', `${base}/history`).expect(200);
    expect(body.items).toMatchObject([{ rule: 'consecutive_failures', status: 'firing', value: 3 }]);
    const all = await gateway.as('get', '/api/v1/alerts').expect(200);
    expect(all.body.items).toMatchObject([{ project: 'ada/engine', rule: 'consecutive_failures' }]);
  });
});
