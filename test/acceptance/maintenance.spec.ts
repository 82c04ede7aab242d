import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, until } from '@foldline/client';
import { Gate } from './gate.ts';

type Due = { kind: string; id: string; project: string; name: string; bytes: number; rule: string; detail: string };
type Told = { items: Due[]; count: number; bytes: number; waiting: { count: number; bytes: number } };
type Event = { type: string; position: number; data: Record<string, unknown> };

/** About three seconds, in days. */
const SHORT = String(3 / 86_400);
const DEFINITION = `
build:
  cache: { key: deps, paths: [deps/] }
  script:
    - test -f deps/one && echo found || echo missed
    - mkdir -p deps && echo one > deps/one
`;

let sandbox: Sandbox;
beforeAll(async () => {
  const retention = { FOLDLINE_CACHE_RETENTION_DAYS: SHORT, FOLDLINE_JOB_RETENTION_DAYS: SHORT };
  sandbox = await Sandbox.start({ ...retention, FOLDLINE_RUNNERS: 'local:low-power:2', FOLDLINE_DOCKER_HOST: 'none' });
}, START_MS);
afterAll(() => sandbox?.stop(), START_MS);

const told = (): Promise<Told> => sandbox.client.get('/api/v1/maintenance');
const due = (kind: string): Promise<Due> =>
  until(`a ${kind} to be due`, async () => (await told()).items.find((item) => item.kind === kind) ?? false);
const events = async (type: string, after = 0): Promise<Event[]> =>
  (await sandbox.client.get<{ items: Event[] }>(`/api/v1/events?after=${after}&limit=200&type=${type}`)).items;
/** What came of maintenance that was asked for now. */
const maintained = async (): Promise<Event> => {
  const { position } = await sandbox.client.post<{ position: number }>('/api/v1/maintenance');
  return until('maintenance to be done', async () => (await events('MaintenanceFinished', position))[0] ?? false);
};
const built = async (): Promise<string> => {
  const { jobs, status } = await sandbox.run(DEFINITION);
  expect(status).toBe('success');
  return sandbox.log(jobs[0]!.id);
};

describe('Maintenance (A08, S1-39 to S1-41)', () => {
  it('S1-39 takes a cache that nobody used for as long as the setting says, tells before what it takes, and why', async () => {
    await built();
    const cache = await due('cache');
    expect(cache).toMatchObject({ project: PROJECT, name: 'deps', rule: 'unused', bytes: expect.any(Number) });
    await maintained();
    const pruned = await events('CachePruned');
    expect(pruned).toContainEqual(
      expect.objectContaining({
        data: expect.objectContaining({ key: 'deps', manifestDigest: expect.stringMatching(/^[0-9a-f]{64}$/) }),
      }),
    );
    const [deleted] = await events('PrunedBytesDeleted');
    expect(deleted!.position).toBeGreaterThan(pruned[0]!.position);
    await until('nothing to wait for its deletion', async () => (await told()).waiting.count === 0);
    expect((await told()).waiting.bytes).toBe(0);
    expect(await built()).toContain('missed');
  });

  it('S1-39 takes nothing that a running job has restored', async () => {
    const gate = new Gate(sandbox.directory, 'restored');
    await built();
    sandbox.commit({
      '.codara-ci.yml': `
build:
  cache: { key: deps, paths: [deps/], policy: pull }
  script:
    - test -f deps/one
    - ${JSON.stringify(gate.wait)}
    - test -f deps/one
`,
    });
    const { id } = await sandbox.trigger();
    await gate.reached();
    const { position } = await sandbox.client.post<{ position: number }>('/api/v1/maintenance');
    await until('maintenance to be done', async () => (await events('MaintenanceFinished', position)).length > 0);
    expect((await told()).items.filter(({ kind }) => kind === 'cache')).toEqual([]);
    expect(await events('CachePruned', position)).toEqual([]);
    gate.open();
    expect((await sandbox.rested(id)).status).toBe('success');
    await due('cache');
  });

  it('S1-41 takes the output of submitted jobs, which is then said instead of nothing, and keeps what they did', async () => {
    const steps = [{ name: 'greet', run: 'echo hello' }];
    await sandbox.client.post('/jobs/submit', { repo: sandbox.repository, id: 'old-1', steps, retries: 0 });
    type Job = {
      status: string;
      attempt: number;
      outputPrunedAt?: number;
      pipelineId: string;
      steps: { output: string }[];
    };
    const status = (): Promise<Job> => sandbox.client.get('/jobs/status?id=old-1');
    const ended = await until('the job to end', async () => {
      const job = await status();
      return job.status === 'success' && job;
    });
    expect(ended.steps[0]!.output).toContain('hello');
    expect(await due('log')).toMatchObject({ name: 'old-1', rule: 'age' });
    await maintained();
    expect(await status()).toMatchObject({
      status: 'success',
      outputPrunedAt: expect.any(Number),
      steps: [{ name: 'greet', status: 'success', output: '' }],
    });
    const refused = await sandbox.client.get('/jobs/logs?id=old-1').catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 410, code: 'log_pruned' });
    expect(await events('LogPruned')).toContainEqual(
      expect.objectContaining({ data: expect.objectContaining({ jobId: `${ended.pipelineId}.0` }) }),
    );
    await sandbox.client.post('/jobs/retry', { jobId: 'old-1' });
    const again = await until('the job to end again', async () => {
      const job = await status();
      return job.attempt === 2 && job.status === 'success' && job;
    });
    expect(again.steps[0]!.output).toContain('hello');
    expect(again).not.toHaveProperty('outputPrunedAt');
  });

  it('S1-41 keeps the output of the jobs of pipelines', async () => {
    const pipeline = await sandbox.run('say: { script: [echo kept] }');
    await maintained();
    expect(await sandbox.log(jobNamed(pipeline, 'say').id)).toContain('kept');
  });
});
