import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, type JobAnswer, type PipelineAnswer } from '@foldline/client';
import { Gate } from './gate.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start();
}, START_MS);
afterAll(() => sandbox.stop(), START_MS);

type Answer = { id: string; status: string; attempt?: number; position: number; pending?: boolean };

const jobUrl = (pipeline: PipelineAnswer, name: string): string =>
  `/api/${PROJECT}/jobs/${jobNamed(pipeline, name).id}`;
const ask = (url: string): Promise<Answer> => sandbox.client.post<Answer>(url);
const statusOf = async (url: string): Promise<number> => {
  const response = await sandbox.client.raw('POST', url);
  await response.arrayBuffer();
  return response.status;
};

/** A pipeline in which `check` failed, `next` was skipped for it, and `deploy` waits for a person. */
const failed = async (gate: Gate): Promise<PipelineAnswer> => {
  sandbox.commitOnly({
    '.codara-ci.yml': `stages: [one, two]
check:
  stage: one
  script:
    - test "$CI_JOB_ATTEMPT" -ge 2
    - ${gate.wait}
deploy:
  stage: one
  script: ${gate.wait}
  when: manual
  manual_confirmation: Deploy it?
  allow_failure: true
next:
  stage: two
  script: "true"
`,
  });
  return sandbox.rested((await sandbox.trigger()).id, ({ status }) => status === 'failed');
};

describe('S0-60, S0-61 the answer to a wish', () => {
  it('shows the job that runs again, once, and so does every read from its position on', async () => {
    const gate = new Gate(sandbox.directory, 'again');
    const pipeline = await failed(gate);
    const url = jobUrl(pipeline, 'check');
    const answer = await ask(`${url}/retry`);
    expect(answer).toMatchObject({ attempt: 2, position: expect.any(Number) });
    expect(['queued', 'assigned', 'running']).toContain(answer.status);
    expect(answer).not.toHaveProperty('pending');
    const read = await sandbox.client.get<JobAnswer>(`${url}?minPosition=${answer.position}`);
    expect(read.attempt).toBe(2);
    expect(await statusOf(`${url}/retry`)).toBe(409);
    gate.open();
    const ended = await sandbox.rested(pipeline.id, ({ status }) => status === 'success');
    expect(jobNamed(ended, 'check').attempt).toBe(2);
  });

  it('is 202 once when a wish comes many times at once', async () => {
    const gate = new Gate(sandbox.directory, 'at-once');
    const pipeline = await failed(gate);
    for (const wish of [`${jobUrl(pipeline, 'check')}/retry`, `${jobUrl(pipeline, 'deploy')}/play`]) {
      const all = await Promise.all(Array.from({ length: 6 }, () => statusOf(wish)));
      expect(all.toSorted()).toEqual([202, 409, 409, 409, 409, 409]);
    }
    gate.open();
    await sandbox.rested(pipeline.id, ({ status }) => status === 'success');
  });

  it('was asked for by somebody who could see what is to be confirmed', async () => {
    const gate = new Gate(sandbox.directory, 'confirmed');
    const pipeline = await failed(gate);
    expect(jobNamed(pipeline, 'deploy').confirmation).toBe('Deploy it?');
    expect(await sandbox.client.get<JobAnswer>(jobUrl(pipeline, 'deploy'))).toHaveProperty(
      'confirmation',
      'Deploy it?',
    );
  });

  it('says why a skipped job does not run again', async () => {
    const pipeline = await failed(new Gate(sandbox.directory, 'skipped'));
    expect(jobNamed(pipeline, 'next').status).toBe('skipped');
    await expect(ask(`${jobUrl(pipeline, 'next')}/retry`)).rejects.toMatchObject({ status: 409, code: 'job_skipped' });
  });

  it('shows the pipeline that is being cancelled, in which nothing starts', async () => {
    const gate = new Gate(sandbox.directory, 'cancelling');
    sandbox.commitOnly({
      '.codara-ci.yml': `first:\n  script: "true"\nslow:\n  script:\n    - trap "" TERM\n    - ${gate.wait}\n`,
    });
    const { id } = await sandbox.trigger();
    await gate.reached();
    const running = await sandbox.jobIs(id, 'first', 'success');
    const answer = await ask(`/api/${PROJECT}/pipelines/${id}/cancel`);
    expect(['cancelling', 'cancelled']).toContain(answer.status);
    if (answer.status === 'cancelling') expect(await statusOf(`${jobUrl(running, 'first')}/retry`)).toBe(409);
    gate.open();
    const ended = await sandbox.rested(id, ({ status }) => status === 'cancelled');
    expect(jobNamed(ended, 'first').attempt).toBe(1);
    expect(await statusOf(`/api/${PROJECT}/pipelines/${id}/cancel`)).toBe(409);
  });
});

describe('every problem', () => {
  it.each(['not_manual', 'needs-cycle', 'script_failure'])('has a page of the server: %s', async (code) => {
    const page = await sandbox.client.get<{ title: string; fix: string }>(`/docs/problems/${code}`);
    expect([page.title.length > 10, page.fix.length > 5]).toEqual([true, true]);
  });

  it('of a definition names its page', async () => {
    const { problems } = await sandbox.run('a:\n  script: x\n  needs: [a]\n');
    const [problem] = problems as ((typeof problems)[number] & { type: string })[];
    expect(problem!.type).toBe(`/docs/problems/${problem!.code}`);
    expect(await sandbox.client.get(problem!.type)).toMatchObject({ code: problem!.code, about: 'definition' });
  });
});
