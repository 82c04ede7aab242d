import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, until, type JobAnswer } from '@foldline/client';
import { Gate, isAlive } from './gate.ts';
import { outputOf } from './output.ts';

let sandbox: Sandbox;
const SETTINGS = {
  FOLDLINE_RUNNERS: 'one:high-power:1,small-a:low-power:2,small-b:low-power:2',
  FOLDLINE_RUNNER_CPU: '4',
  FOLDLINE_RUNNER_MEMORY_GB: '16',
  FOLDLINE_HIGH_POWER_OWNERS: 'acme',
};

beforeAll(async () => {
  sandbox = await Sandbox.start(SETTINGS);
}, START_MS);
afterAll(() => sandbox.stop(), START_MS);

type Why = {
  sentence: string;
  waiting?: { code: string; detail: string };
  decisions: { event: string; because: { rule: string; detail: string } }[];
};
const whyOf = (jobId: string, project = PROJECT): Promise<Why> =>
  sandbox.client.get(`/api/${project}/jobs/${jobId}/why`);
const waitingFor = (jobId: string, code: string): Promise<Why> =>
  until(`job ${jobId} to wait because of ${code}`, async () => {
    const why = await whyOf(jobId);
    return why.waiting?.code === code && why;
  });
const start = async (definition: string): Promise<{ id: string }> => {
  sandbox.commitOnly({ '.codara-ci.yml': definition });
  return sandbox.trigger();
};
const cancelled = async (id: string): Promise<void> => {
  await sandbox.client.post(`/api/${PROJECT}/pipelines/${id}/cancel`);
  await sandbox.rested(id);
};

describe('S0-64 choosing a cluster', () => {
  it.each([
    ['cpu: 999', 'no runner offers 999 cpu; the largest offers 4 cpu, 16 GiB memory'],
    ['memory: 64GB', 'the largest offers 4 cpu, 16 GiB memory'],
    ['disk: 500GB', '100 GiB disk'],
  ])('S0-69 says why a job that asks for %s waits', async (resource, detail) => {
    const { id } = await start(`big:\n  resources: {${resource}}\n  script: "true"\n`);
    const job = jobNamed(await sandbox.jobIs(id, 'big', 'queued'), 'big');
    const why = await waitingFor(job.id, 'too_large');
    expect(why.sentence).toContain('big waits for a runner');
    expect(why.waiting!.detail).toContain(detail);
    await cancelled(id);
    expect((await whyOf(job.id)).waiting).toBeUndefined();
  });

  it('takes the power that the job names', async () => {
    const pipeline = await sandbox.run(
      'high:\n  cluster: high-power\n  script: "true"\nlow:\n  cluster: low-power\n  script: "true"\n',
    );
    expect(pipeline.jobs.map(({ cluster }) => cluster?.power)).toEqual(['high-power', 'low-power']);
  });

  it('takes the runner with the least load, a low-power one first', async () => {
    const gates = [1, 2, 3].map((n) => new Gate(sandbox.directory, `load-${n}`));
    const { id } = await start(gates.map((gate, n) => `job${n}:\n  script:\n    - ${gate.wait}\n`).join(''));
    await Promise.all(gates.map((gate) => gate.reached()));
    const isRunning = ({ status }: JobAnswer): boolean => status === 'running';
    const running = await sandbox.rested(id, ({ jobs }) => jobs.filter(isRunning).length === gates.length);
    expect(running.jobs.map(({ cluster }) => cluster?.id).toSorted()).toEqual(
      expect.arrayContaining(['small-a', 'small-b']),
    );
    expect(running.jobs.map(({ cluster }) => cluster?.power)).not.toContain('high-power');
    for (const gate of gates) gate.open();
    await sandbox.rested(id);
  });

  it('never gives a runner more than it offers, and tells who waits that it is only busy', async () => {
    const gates = ['a', 'b'].map((n) => new Gate(sandbox.directory, `cpu-${n}`));
    const { id } = await start(
      gates
        .map((gate, n) => `job${n}:\n  cluster: high-power\n  resources: {cpu: 3}\n  script:\n    - ${gate.wait}\n`)
        .join(''),
    );
    await gates[0]!.reached();
    const second = jobNamed(await sandbox.jobIs(id, 'job1', 'queued'), 'job1');
    expect((await whyOf(second.id)).sentence).toMatch(/waits for a runner/);
    gates[0]!.open();
    await gates[1]!.reached();
    gates[1]!.open();
    expect((await sandbox.rested(id)).status).toBe('success');
  });
});

describe('S0-65 access to high power', () => {
  const GUEST = 'guest/shop';
  beforeAll(() => sandbox.client.post('/api/v1/projects', { owner: 'guest', name: 'shop', url: sandbox.repository }));

  it('keeps a job of an owner without it waiting, and says so', async () => {
    sandbox.commitOnly({ '.codara-ci.yml': 'big:\n  cluster: high-power\n  script: "true"\n' });
    const { id } = await sandbox.client.post<{ id: string }>(`/api/${GUEST}/pipelines`, { ref: 'main' });
    const why = await until('the job to say why it waits', async () => {
      const { items } = await sandbox.client.get<{ items: { id: string }[] }>(`/api/${GUEST}/jobs`);
      const found = items[0] && (await whyOf(items[0].id, GUEST));
      return found?.waiting?.code === 'no_permission' && found;
    });
    expect(why.sentence).toContain('has no access to high-power clusters');
    await sandbox.client.post(`/api/${GUEST}/pipelines/${id}/cancel`);
  });

  it('runs the job of an owner who has it', async () => {
    expect((await sandbox.run('big:\n  cluster: high-power\n  script: "true"\n')).status).toBe('success');
  });
});

describe('S0-16 an interruptible job', () => {
  const background = (gate: Gate, interruptible: boolean): string =>
    `background:\n  cluster: high-power\n  priority: 1\n  interruptible: ${interruptible}\n  script:\n    - echo "run $CI_JOB_ATTEMPT"\n    - if [ "$CI_JOB_ATTEMPT" = 1 ]; then ${gate.wait}; fi\n`;
  const URGENT = 'urgent:\n  cluster: high-power\n  priority: 9\n  script: echo now\n';

  it('is stopped for one of higher priority, runs again after it, and tells that', async () => {
    const gate = new Gate(sandbox.directory, 'preempted');
    const { id } = await start(background(gate, true));
    const pid = await gate.reached();
    const urgent = await sandbox.rested((await start(URGENT)).id);
    expect(urgent.status).toBe('success');
    const interrupted = await sandbox.rested(id);
    expect(interrupted).toMatchObject({ status: 'success', jobs: [{ attempt: 2 }] });
    expect(isAlive(pid)).toBe(false);
    const job = interrupted.jobs[0]!;
    expect(outputOf(await sandbox.log(job.id))).toBe('run 2\n');
    const { decisions } = await whyOf(job.id);
    expect(JSON.stringify(decisions)).toMatch(/preempt/);
  });

  it('keeps its runner when it may not be interrupted', async () => {
    const gate = new Gate(sandbox.directory, 'kept');
    const { id } = await start(background(gate, false));
    const pid = await gate.reached();
    const urgent = await start(URGENT);
    const waiting = await sandbox.jobIs(urgent.id, 'urgent', 'queued');
    expect((await whyOf(jobNamed(waiting, 'urgent').id)).sentence).toContain('waits for a runner');
    expect(isAlive(pid)).toBe(true);
    gate.open();
    expect((await sandbox.rested(id)).jobs[0]).toMatchObject({ status: 'success', attempt: 1 });
    expect((await sandbox.rested(urgent.id)).status).toBe('success');
  });
});

describe('S0-17 the queue', () => {
  it('gives a free runner to the job of the highest priority', async () => {
    const gate = new Gate(sandbox.directory, 'queue');
    const job = (name: string, priority: number): string =>
      `${name}:\n  stage: two\n  cluster: high-power\n  priority: ${priority}\n  needs: [hold]\n  script: date +%s%N\n`;
    const { id } = await start(
      `stages: [one, two]\nhold:\n  stage: one\n  cluster: high-power\n  script:\n    - ${gate.wait}\n${job('last', 2)}${job('first', 8)}${job('middle', 5)}`,
    );
    await gate.reached();
    gate.open();
    const pipeline = await sandbox.rested(id);
    const times = await Promise.all(
      ['first', 'middle', 'last'].map(async (name) => outputOf(await sandbox.log(jobNamed(pipeline, name).id)).trim()),
    );
    expect(times).toEqual(times.toSorted());
  });
});
