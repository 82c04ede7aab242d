import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, until, type PipelineAnswer } from '@foldline/client';
import { Gate } from './gate.ts';

type Waiting = {
  code: string;
  detail: string;
  position?: number;
  expectedStart?: { at: string; basis: { jobs: number; runs: number } };
  holder?: { job: string; pipeline: string; url: string };
  runners?: { id: string; code: string; detail: string }[];
};
type Submitted = { status: string; startedAt: number | null; waiting?: Waiting };
type Queued = { id: string; name: string; project: string; pipelineId: string; url: string; waiting: Waiting };

let sandbox: Sandbox;
const status = (id: string): Promise<Submitted> => sandbox.client.get(`/jobs/status?id=${id}`);
const submit = (id: string, run: string, more: object = {}): Promise<unknown> => {
  const steps = [{ name: id.replace(/-\d+$/, ''), run }];
  return sandbox.client.post('/jobs/submit', { repo: sandbox.repository, id, steps, retries: 0, ...more });
};
const inState = (ids: readonly string[], wanted: string): Promise<void> =>
  until(`${ids.join(', ')} to be ${wanted}`, async () => {
    const all = await Promise.all(ids.map((id) => status(id)));
    return all.every((job) => job.status === wanted);
  }).then(() => undefined);
const queue = async (query = ''): Promise<{ items: Queued[]; nextCursor?: string }> =>
  sandbox.client.get(`/api/v1/queue${query}`);
const start = async (definition: string): Promise<string> => {
  sandbox.commitOnly({ '.codara-ci.yml': definition });
  return (await sandbox.trigger()).id;
};
const job = (id: string): Promise<{ status: string; waiting?: Waiting }> =>
  sandbox.client.get(`/api/${PROJECT}/jobs/${id}`);
/** What the job of a pipeline waits for, once it is that. */
const waitsFor = async (pipeline: string, name: string, code: string): Promise<{ id: string; waiting: Waiting }> =>
  until(`${name} to wait for ${code}`, async () => {
    const { jobs } = await sandbox.pipeline(pipeline);
    const id = jobs.find((each) => each.name === name)?.id;
    const { waiting } = id === undefined ? {} : await job(id);
    return waiting?.code === code && { id: id!, waiting };
  });
const cancelled = async (id: string): Promise<PipelineAnswer> => {
  await sandbox.client.post(`/api/${PROJECT}/pipelines/${id}/cancel`);
  return sandbox.rested(id);
};

describe('D5 why it is still waiting', () => {
  beforeAll(async () => {
    sandbox = await Sandbox.start({
      FOLDLINE_RUNNERS: 'ten:low-power:10',
      FOLDLINE_RUNNER_CPU: '4',
      FOLDLINE_RUNNER_TAGS: 'linux',
      FOLDLINE_DOCKER_HOST: 'none',
    });
  }, START_MS);
  afterAll(() => sandbox?.stop(), START_MS);

  it('S1-31 S1-30 ten jobs run at a time, and those that wait have their turns by priority, as their positions say', async () => {
    const gates = Array.from({ length: 10 }, (_, n) => new Gate(sandbox.directory, `place-${n}`));
    const holding = gates.map((_, n) => `holds-${n}`);
    for (const [n, gate] of gates.entries()) await submit(holding[n]!, gate.wait);
    await inState(holding, 'running');

    const file = join(sandbox.directory, 'order');
    const priorities = [3, 10, 0, 7, 1, 9, 5, 2, 8, 4, 6];
    for (const priority of priorities) await submit(`wants-${priority}`, `echo ${priority} >> ${file}`, { priority });
    const expected = priorities.toSorted((a, b) => b - a);
    const listed = await until('all of them to be in the queue', async () => {
      const { items } = await queue();
      return items.filter(({ waiting }) => waiting.position !== undefined).length === priorities.length && items;
    });
    expect(listed.map(({ name, waiting }) => [name, waiting.position, waiting.code])).toEqual(
      expected.map((priority, n) => [`wants-${priority}`, n + 1, 'runners_busy']),
    );
    expect((await status('wants-5')).waiting).toMatchObject({
      code: 'runners_busy',
      position: 6,
      runners: [{ id: 'ten', code: 'busy', detail: '10 of 10 slots are taken' }],
    });

    const { items, nextCursor } = await queue('?limit=4');
    expect([...items, ...(await queue(`?cursor=${nextCursor}`)).items].map(({ id }) => id)).toEqual(
      listed.map(({ id }) => id),
    );
    gates[0]!.open();
    await inState(
      priorities.map((priority) => `wants-${priority}`),
      'success',
    );
    expect(readFileSync(file, 'utf8').trim().split('\n').map(Number)).toEqual(expected);
    for (const gate of gates) gate.open();
    await inState(holding, 'success');
  });

  it('tells when a job is expected to start, as long as earlier runs tell it', async () => {
    const first = await start('measured:\n  resources: {cpu: 4}\n  script: sleep 4\n');
    await sandbox.rested(first);
    const gate = new Gate(sandbox.directory, 'measured');
    const second = await start(`measured:\n  resources: {cpu: 4}\n  script: "${gate.wait}"\n`);
    await gate.reached();
    const began = Date.now();
    const third = await start('later:\n  resources: {cpu: 4}\n  script: "true"\n');
    const { id, waiting } = await waitsFor(third, 'later', 'runners_busy');
    expect(waiting).toMatchObject({ position: 1, expectedStart: { basis: { jobs: 1, runs: 1 } } });
    const expected = Date.parse(waiting.expectedStart!.at);
    expect(expected).toBeGreaterThan(began);
    expect(expected).toBeLessThan(began + 10_000);
    const { sentence } = await sandbox.client.get<{ sentence: string }>(`/api/${PROJECT}/jobs/${id}/why`);
    expect(sentence).toContain('expected to start at');
    await until('nobody to know when the job will end that runs longer than before', async () => {
      const now = (await job(id)).waiting;
      return now !== undefined && now.expectedStart === undefined;
    });
    gate.open();
    for (const pipeline of [second, third]) expect((await sandbox.rested(pipeline)).status).toBe('success');
  });

  it.each([
    ['tags: [linux, gpu]', 'no_tags', 'none has gpu', { code: 'no_tags', detail: 'it lacks the tags gpu' }],
    ['image: alpine', 'no_docker', 'Docker daemon', { code: 'no_docker' }],
    ['resources: {cpu: 64}', 'too_large', 'no runner offers 64 cpu', { code: 'too_large' }],
  ])('tells that no runner takes a job with %s, and what the runner lacks', async (asked, code, detail, lack) => {
    const id = await start(`asks:\n  ${asked}\n  script: "true"\n`);
    const { waiting } = await waitsFor(id, 'asks', code);
    expect(waiting.detail).toContain(detail);
    expect(waiting.runners).toMatchObject([{ id: 'ten', ...lack }]);
    expect(waiting).not.toHaveProperty('expectedStart');
    const { decisions } = await until('the scheduler to have recorded it', async () => {
      const { jobs } = await sandbox.pipeline(id);
      const why = await sandbox.client.get<{ decisions: { because: { rule: string } }[] }>(
        `/api/${PROJECT}/jobs/${jobs[0]!.id}/why`,
      );
      return why.decisions.some(({ because }) => because.rule === code) && why;
    });
    expect(decisions.length).toBeGreaterThan(1);
    await cancelled(id);
  });

  it('tells which job of which pipeline has the resource group', async () => {
    const gate = new Gate(sandbox.directory, 'production');
    const definition = `deploy:\n  resource_group: production\n  script: "${gate.wait}"\n`;
    const first = await start(definition);
    await gate.reached();
    const second = (await sandbox.trigger()).id;
    const { id, waiting } = await waitsFor(second, 'deploy', 'resource_group');
    const held = jobNamed(await sandbox.pipeline(first), 'deploy').id;
    expect(waiting.holder).toMatchObject({ job: held, pipeline: first, url: `/api/${PROJECT}/jobs/${held}` });
    expect(await sandbox.client.get(waiting.holder!.url)).toMatchObject({ id: held, status: 'running' });
    expect((await queue()).items).toMatchObject([{ id, pipelineId: second, waiting: { code: 'resource_group' } }]);
    gate.open();
    for (const pipeline of [first, second]) await sandbox.rested(pipeline);
  });
});

describe('D5 why it is still waiting, where a project may have one job on runners', () => {
  beforeAll(async () => {
    sandbox = await Sandbox.start({
      FOLDLINE_RUNNERS: 'wide:low-power:4',
      FOLDLINE_PROJECT_JOBS: '1',
      FOLDLINE_DRAIN_SECONDS: '60',
    });
  }, START_MS);
  afterAll(() => sandbox?.stop(), START_MS);

  it(
    'S1-34 tells the limit, that the runner is being drained, and gives the job its turn when it can have one',
    async () => {
      const gate = new Gate(sandbox.directory, 'limit');
      const first = await start(`work:\n  script: "${gate.wait}"\n`);
      await gate.reached();
      const second = (await sandbox.trigger()).id;
      const { id, waiting } = await waitsFor(second, 'work', 'project_limit');
      expect(waiting).toMatchObject({ position: 1, runners: [{ id: 'wide', code: 'free' }] });
      const { jobs } = await sandbox.pipeline(second);
      expect(jobs).toMatchObject([{ id, waiting: { code: 'project_limit', position: 1 } }]);

      const isCluster = sandbox.topology === 'distributed';
      const stopping = (isCluster ? sandbox.cluster.service('runner') : sandbox.server).stop();
      const drained = await waitsFor(second, 'work', 'runners_draining');
      expect(drained.waiting.runners).toMatchObject([{ id: 'wide', code: 'draining' }]);
      gate.open();
      expect(await stopping).toBe(0);
      await (isCluster ? sandbox.cluster.startAll() : sandbox.restart());
      for (const pipeline of [first, second]) expect((await sandbox.rested(pipeline)).status).toBe('success');
    },
    2 * START_MS,
  );
});
