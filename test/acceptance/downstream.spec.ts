import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, until, type PipelineAnswer } from '@foldline/client';
import { Gate } from './gate.ts';
import { outputOfJob } from './output.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start();
}, START_MS);
afterAll(() => sandbox.stop(), START_MS);

type Answer = PipelineAnswer & { upstream?: { pipelineId: string; jobId: string; project: string }; source: string };

const begun = async (files: Readonly<Record<string, string>>): Promise<string> => {
  sandbox.commitOnly(files);
  return (await sandbox.trigger()).id;
};
const childOf = async (id: string, job: string): Promise<string> => {
  const started = ({ jobs }: PipelineAnswer) => jobs.find(({ name }) => name === job)?.downstream?.pipelineId;
  return started(await sandbox.rested(id, (pipeline) => started(pipeline) !== undefined))!;
};
const whyOf = (jobId: string): Promise<{ sentence: string }> => sandbox.client.get(`/api/${PROJECT}/jobs/${jobId}/why`);
const statuses = ({ status, jobs }: PipelineAnswer): Record<string, string> => ({
  pipeline: status,
  ...Object.fromEntries(jobs.map((job) => [job.name, job.status])),
});

describe('A child pipeline', () => {
  const PARENT = `start:
  variables: { WHO: "$CI_PIPELINE_ID" }
  trigger: { include: ci/child.yml, strategy: depend }
`;

  it('is of the same commit, has what was handed on, and each names the other', async () => {
    const id = await begun({
      '.codara-ci.yml': PARENT,
      'ci/child.yml': 'say:\n  script: echo "$CI_PIPELINE_SOURCE for $WHO at $CI_COMMIT_SHA"\n',
    });
    const parent = await sandbox.rested(id);
    expect(statuses(parent)).toEqual({ pipeline: 'success', start: 'success' });
    const start = jobNamed(parent, 'start');
    expect(start.downstream).toEqual({ pipelineId: expect.any(String), project: PROJECT });

    const child = (await sandbox.pipeline(start.downstream!.pipelineId)) as Answer;
    expect(child).toMatchObject({
      status: 'success',
      source: 'parent_pipeline',
      sha: parent.sha,
      upstream: { pipelineId: id, jobId: start.id, project: PROJECT },
    });
    expect(await outputOfJob(sandbox, child, 'say')).toBe(`parent_pipeline for ${id} at ${parent.sha}`);
  });

  it('may be of what an earlier job has made', async () => {
    const make = `printf 'made:\\n  script: echo "of a job"\\n' > child.yml`;
    const id = await begun({
      '.codara-ci.yml': `make:
  script: |
    ${make}
  artifacts: { paths: [child.yml] }
start:
  needs: [make]
  trigger: { include: [{ artifact: child.yml, job: make }], strategy: mirror }
`,
    });
    expect((await sandbox.rested(id)).status).toBe('success');
    const child = await sandbox.pipeline(await childOf(id, 'start'));
    expect(await outputOfJob(sandbox, child, 'made')).toBe('of a job');
  });

  it('may take what jobs of its parent have made, and have handed on', async () => {
    const id = await begun({
      '.codara-ci.yml': `stages: [make, start]
make:
  stage: make
  script: echo made > made.txt; echo NUMBER=7 > made.env
  artifacts: { paths: [made.txt], reports: { dotenv: made.env } }
start:
  stage: start
  variables: { PARENT_PIPELINE_ID: $CI_PIPELINE_ID }
  trigger: { include: ci/child.yml, strategy: depend }
`,
      'ci/child.yml': `use:
  needs: [{ pipeline: $PARENT_PIPELINE_ID, job: make }]
  script: echo "$(cat made.txt) $NUMBER"
`,
    });
    expect((await sandbox.rested(id)).status).toBe('success');
    const child = await sandbox.pipeline(await childOf(id, 'start'));
    expect(await outputOfJob(sandbox, child, 'use')).toBe('made 7');
  });

  it('of which nothing has to run is well for the job that waits for it', async () => {
    const id = await begun({
      '.codara-ci.yml': PARENT,
      'ci/child.yml': 'perhaps:\n  script: echo perhaps\n  when: manual\n',
    });
    expect(statuses(await sandbox.rested(id))).toEqual({ pipeline: 'success', start: 'success' });
    expect((await sandbox.pipeline(await childOf(id, 'start'))).status).toBe('skipped');
  });

  it('whose definition is refused fails the job that asked for it, which says why and where', async () => {
    const id = await begun({ '.codara-ci.yml': PARENT, 'ci/child.yml': 'say:\n  script: echo\n  needs: [nobody]\n' });
    const parent = await sandbox.rested(id);
    expect(statuses(parent)).toEqual({ pipeline: 'failed', start: 'failed' });
    const { reason, detail, downstream, id: jobId } = jobNamed(parent, 'start');
    expect({ reason, detail }).toEqual({
      reason: 'downstream_refused',
      detail: expect.stringContaining('ci/child.yml:3: Job `say`'),
    });
    expect((await whyOf(jobId)).sentence).toContain('ci/child.yml:3');
    expect((await sandbox.pipeline(downstream!.pipelineId)).status).toBe('failed');
  });

  it('that is mended by a person mends the job that waits for it', async () => {
    const id = await begun({
      '.codara-ci.yml': `${PARENT}next:\n  needs: [start]\n  script: echo next\n`,
      'ci/child.yml': 'check:\n  script: test "$CI_JOB_ATTEMPT" -ge 2\n',
    });
    expect(statuses(await sandbox.rested(id))).toEqual({ pipeline: 'failed', start: 'failed', next: 'skipped' });
    const child = await childOf(id, 'start');
    const { id: jobId } = jobNamed(await sandbox.pipeline(child), 'check');
    await sandbox.client.post(`/api/${PROJECT}/jobs/${jobId}/retry`);
    const mended = await sandbox.rested(id, ({ status }) => status === 'success');
    expect(statuses(mended)).toEqual({ pipeline: 'success', start: 'success', next: 'success' });
  });

  it('is another one when the job that asked for it is retried', async () => {
    const id = await begun({ '.codara-ci.yml': PARENT, 'ci/child.yml': 'fail:\n  script: exit 1\n' });
    const first = jobNamed(await sandbox.rested(id), 'start');
    await sandbox.client.post(`/api/${PROJECT}/jobs/${first.id}/retry`);
    const again = jobNamed(await sandbox.rested(id, ({ jobs }) => jobs[0]!.attempt === 2), 'start');
    expect(again.downstream!.pipelineId).not.toBe(first.downstream!.pipelineId);
  });

  it('ends when its parent is cancelled, also after a crash', async () => {
    const gate = new Gate(sandbox.directory, 'cancelled-child');
    const id = await begun({ '.codara-ci.yml': PARENT, 'ci/child.yml': `hold:\n  script:\n    - ${gate.wait}\n` });
    const child = await childOf(id, 'start');
    await gate.reached();
    await sandbox.server.kill();
    await sandbox.restart();
    await sandbox.client.post(`/api/${PROJECT}/pipelines/${id}/cancel`);
    expect(statuses(await sandbox.rested(id))).toEqual({ pipeline: 'cancelled', start: 'cancelled' });
    const ended = await sandbox.rested(child, ({ status }) => status === 'cancelled');
    expect(statuses(ended)).toEqual({ pipeline: 'cancelled', hold: 'cancelled' });
  });
});

describe('A pipeline of another project', () => {
  const OTHER = 'tools/library';
  const STARTS = `start:
  variables: { LEVEL: full }
  trigger: { project: ${OTHER}, strategy: depend }
`;
  beforeAll(async () => {
    sandbox.git('checkout', '--quiet', '-b', 'library');
    sandbox.commitOnly({
      '.codara-ci.yml': `say:
  script:
    - echo "$CI_PIPELINE_SOURCE $LEVEL $CI_PROJECT_PATH"
    - echo "said $LEVEL" > said.txt
  artifacts: { paths: [said.txt] }
`,
    });
    sandbox.git('clone', '--quiet', '--branch', 'library', '.', '../library');
    sandbox.git('checkout', '--quiet', 'main');
    const [owner, name] = OTHER.split('/');
    await sandbox.client.post('/api/v1/projects', { owner, name, url: `${sandbox.directory}/library` });
  });
  const callersAre = (callers: readonly string[]): Promise<Response> =>
    sandbox.client.raw('PUT', `/api/${OTHER}/callers`, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ callers }),
    });

  it('is not started unless that lets it, and then it is', async () => {
    const id = await begun({ '.codara-ci.yml': STARTS });
    const refused = jobNamed(await sandbox.rested(id), 'start');
    expect(refused).toMatchObject({ status: 'failed', reason: 'downstream_refused' });
    expect(refused.downstream).toBeUndefined();
    expect(refused.detail).toContain(`PUT /api/${OTHER}/callers`);

    expect((await callersAre([PROJECT])).status).toBe(200);
    await sandbox.client.post(`/api/${PROJECT}/jobs/${refused.id}/retry`);
    const started = jobNamed(await sandbox.rested(id, ({ status }) => status === 'success'), 'start');
    expect(started.downstream!.project).toBe(OTHER);
    const path = `/api/${OTHER}/pipelines/${started.downstream!.pipelineId}`;
    const pipeline = await until('its end', async () => {
      const answer = await sandbox.client.get<Answer>(path);
      return answer.status === 'success' && answer;
    });
    expect(pipeline).toMatchObject({ source: 'pipeline', upstream: { pipelineId: id, project: PROJECT } });
    const log = await sandbox.client.text(`/api/${OTHER}/jobs/${pipeline.jobs[0]!.id}/logs`);
    expect(log).toContain(`pipeline full ${OTHER}`);
  });

  it('lets those that it names have what its jobs have made', async () => {
    const needing = `use:
  needs: [{ project: ${OTHER}, ref: library, job: say }]
  script: cat said.txt
`;
    await callersAre([PROJECT]);
    const id = await begun({ '.codara-ci.yml': needing });
    const pipeline = await sandbox.rested(id);
    expect(pipeline.status).toBe('success');
    expect(await outputOfJob(sandbox, pipeline, 'use')).toBe('said full');

    await callersAre([]);
    const refused = (await sandbox.rested(await begun({ '.codara-ci.yml': needing }))) as Answer;
    expect(refused.problems.map(({ code }) => code)).toEqual(['include-not-allowed']);
  });

  it('gets what was handed on as data, and nothing of the variables of either project by it', async () => {
    const setVariable = (project: string, key: string, value: string): Promise<unknown> =>
      sandbox.client.post(`/api/${project}/variables`, { key, value });
    await setVariable(PROJECT, 'PLACE', 'of the caller');
    await setVariable(OTHER, 'PLACE', 'of the other');
    await setVariable(OTHER, 'NOPE', 'of the other');
    await callersAre([PROJECT]);
    const handing = (level: string): string => STARTS.replace('full', () => `'${level}'`);
    const started = jobNamed(
      await sandbox.rested(await begun({ '.codara-ci.yml': handing('<$NOPE$$PLACE>') })),
      'start',
    );
    expect(started.status).toBe('success');
    const { jobs } = await sandbox.client.get<Answer>(`/api/${OTHER}/pipelines/${started.downstream!.pipelineId}`);
    const log = await sandbox.client.text(`/api/${OTHER}/jobs/${jobs[0]!.id}/logs`);
    expect(log).toContain(`pipeline <$PLACE> ${OTHER}`);

    const refused = (await sandbox.rested(await begun({ '.codara-ci.yml': handing('$PLACE') }))) as Answer;
    expect(refused.problems.map(({ code }) => code)).toEqual(['sealed-variable']);
  });
});
