import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, until, type PipelineAnswer } from '@foldline/client';
import { Gate, isAlive } from './gate.ts';
import { outputOfJob } from './output.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start({ FOLDLINE_RUNNER_TAGS: 'linux,gpu' });
}, START_MS);
afterAll(() => sandbox.stop(), START_MS);

const whyOf = (jobId: string): Promise<{ sentence: string }> => sandbox.client.get(`/api/${PROJECT}/jobs/${jobId}/why`);
const start = async (definition: string, file = '.codara-ci.yml'): Promise<string> => {
  sandbox.commitOnly({ [file]: definition });
  return (await sandbox.trigger()).id;
};
const ran = async (definition: string, file?: string): Promise<PipelineAnswer> =>
  sandbox.rested(await start(definition, file));
const endsOf = ({ jobs }: PipelineAnswer): Record<string, string> =>
  Object.fromEntries(jobs.map(({ name, status }) => [name, status]));

describe('S0-52, C11 the number of a copy', () => {
  const COUNTED = 'count:\n  parallel: 2\n  script: echo "$CI_NODE_INDEX of $CI_NODE_TOTAL in $CI_CONFIG_PATH"\n';
  const counted = async (file: string): Promise<string[]> => {
    const pipeline = await ran(COUNTED, file);
    return Promise.all(['count 1/2', 'count 2/2'].map((name) => outputOfJob(sandbox, pipeline, name)));
  };

  it('begins with 0 in .codara-ci.yml', async () =>
    expect(await counted('.codara-ci.yml')).toEqual(['0 of 2 in .codara-ci.yml', '1 of 2 in .codara-ci.yml']));

  it('begins with 1 in .gitlab-ci.yml', async () =>
    expect(await counted('.gitlab-ci.yml')).toEqual(['1 of 2 in .gitlab-ci.yml', '2 of 2 in .gitlab-ci.yml']));
});

describe('S0-42, C15 a fallback key that ends in a hyphen', () => {
  const fill = (key: string): string => `fill:\n  script: echo kept > kept\n  cache: { key: ${key}, paths: [kept] }\n`;
  const look = (fallback: string): string =>
    `look:\n  script: cat kept 2>/dev/null || echo nothing\n  cache: { key: none, policy: pull, fallback_keys: [${fallback}], paths: [kept] }\n`;
  const found = async (file: string, prefix: string, fallback: string): Promise<string> => {
    await ran(fill(`${prefix}-one`), file);
    return outputOfJob(sandbox, await ran(look(fallback), file), 'look');
  };

  it('finds what begins so in .codara-ci.yml', async () =>
    expect(await found('.codara-ci.yml', 'codara', 'codara-')).toBe('kept'));

  it('is a whole key in .gitlab-ci.yml', async () => {
    expect(await found('.gitlab-ci.yml', 'gitlab', 'gitlab-')).toBe('nothing');
    expect(await outputOfJob(sandbox, await ran(look('gitlab-one'), '.gitlab-ci.yml'), 'look')).toBe('kept');
  });
});

describe('S0-17 a delayed job', () => {
  const later = (time: string): string => `later:\n  when: delayed\n  start_in: ${time}\n  script: echo done\n`;

  it('waits, tells until when, and runs at once when a person starts it', async () => {
    const id = await start(later('1 hour'));
    const waiting = await sandbox.jobIs(id, 'later', 'delayed');
    const job = jobNamed(waiting, 'later');
    expect((await sandbox.rested(id, ({ status }) => status === 'delayed')).status).toBe('delayed');
    expect((await whyOf(job.id)).sentence).toContain('waits until its time is over');

    await sandbox.client.post(`/api/${PROJECT}/jobs/${job.id}/play`);
    const pipeline = await sandbox.rested(id);
    expect(pipeline.status).toBe('success');
    expect(await outputOfJob(sandbox, pipeline, 'later')).toBe('done');
  });

  it('runs by itself when the time is over, also after a restart', async () => {
    const id = await start(later('2 seconds'));
    await sandbox.jobIs(id, 'later', 'delayed');
    await sandbox.server.kill();
    await sandbox.restart();
    expect((await sandbox.rested(id)).status).toBe('success');
  });
});

describe('A job whose point is what Foldline does not do yet', () => {
  it('fails, says so in words, and runs nothing', async () => {
    const pipeline = await ran(
      'publish:\n  script: echo this was run\n  release: { tag_name: v1, description: The first }\n',
    );
    const job = jobNamed(pipeline, 'publish');
    expect(job).toMatchObject({ status: 'failed', reason: 'config_error' });
    const log = await sandbox.log(job.id);
    expect(log).toContain('`release`');
    expect(log).not.toContain('this was run');
    expect(pipeline).toMatchObject({ status: 'failed', problems: [{ code: 'planned-only', severity: 'warning' }] });
  });
});

describe('A job with a hook', () => {
  const hooked = (hook: string): string =>
    `look:\n  hooks: { pre_get_sources_script: ['${hook}'] }\n  script: ls -A\n  after_script: echo after\n`;

  it('runs it before the files of the commit are there', async () => {
    const pipeline = await ran(hooked('echo "before: $(ls -A)"'));
    expect(await outputOfJob(sandbox, pipeline, 'look')).toMatch(/^before: *\n\.codara-ci\.yml\n\.git\nafter$/);
  });

  it('fails with it, and runs nothing else', async () => {
    const pipeline = await ran(hooked('exit 7'));
    const job = jobNamed(pipeline, 'look');
    expect(job).toMatchObject({ status: 'failed', reason: 'script_failure', exitCode: 7 });
    expect(await sandbox.log(job.id)).not.toContain('after');
  });
});

describe('The repository of a job', () => {
  const LOOK = `look:
  script:
    - git remote get-url origin
    - git describe --tags --always --exact-match 2>/dev/null || echo no tag
    - git log --format=%s -1 "\${CI_COMMIT_BRANCH:+origin/}$CI_COMMIT_REF_NAME"
`;

  it('knows its branch and origin, and its tag when it is for one, also of the same commit', async () => {
    sandbox.commitOnly({ '.codara-ci.yml': LOOK }, 'Look around');
    const url = sandbox.git('rev-parse', '--show-toplevel');
    const lookedAt = async (ref: string) =>
      outputOfJob(sandbox, await sandbox.rested((await sandbox.trigger(ref)).id), 'look');
    expect(await lookedAt('main')).toBe(`${url}\nno tag\nLook around`);
    sandbox.git('tag', 'v9.1');
    expect(await lookedAt('v9.1')).toBe(`${url}\nv9.1\nLook around`);
  });
});

describe('S0-60 a failure', () => {
  const broken = (gate: Gate, more: string): string =>
    `${more}stages: [one, two]
long: { stage: one, script: ['${gate.wait}'] }
bad: { stage: one, script: ['${gate.waitForOther}; exit 3'] }
next: { stage: two, when: always, script: echo next }
`;

  it('ends everything else at once with on_job_failure: all, and tells that', async () => {
    const gate = new Gate(sandbox.directory, 'failed-all');
    const id = await start(broken(gate, 'workflow: { auto_cancel: { on_job_failure: all } }\n'));
    const pid = await gate.reached();
    const pipeline = await sandbox.rested(id);
    expect(endsOf(pipeline)).toEqual({ long: 'cancelled', bad: 'failed', next: 'cancelled' });
    expect(isAlive(pid)).toBe(false);
    expect(pipeline).toMatchObject({
      status: 'failed',
      because: { rule: 'auto_cancel: on_job_failure', detail: 'bad failed' },
    });
    for (const name of ['long', 'next'])
      expect((await whyOf(jobNamed(pipeline, name).id)).sentence).toContain('bad failed (auto_cancel: on_job_failure)');
  });

  it('leaves everything else alone without it', async () => {
    const gate = new Gate(sandbox.directory, 'failed-none');
    const id = await start(broken(gate, ''));
    const pid = await gate.reached();
    await sandbox.jobIs(id, 'bad', 'failed');
    expect(isAlive(pid)).toBe(true);
    gate.open();
    expect(endsOf(await sandbox.rested(id))).toEqual({ long: 'success', bad: 'failed', next: 'success' });
  });
});

describe('A resource group', () => {
  it('has one job at a time of all pipelines of the project, and shows who waits', async () => {
    const gate = new Gate(sandbox.directory, 'group');
    const first = await start(
      `ship:\n  resource_group: $PLACE\n  variables: { PLACE: live }\n  script: [ '${gate.wait}' ]\n`,
    );
    await gate.reached();
    const { id: second } = await sandbox.trigger();
    const waiting = jobNamed(await sandbox.jobIs(second, 'ship', 'waiting_for_resource'), 'ship');
    const holder = jobNamed(await sandbox.pipeline(first), 'ship');
    expect(holder.status).toBe('running');
    expect(await sandbox.client.get(`/api/${PROJECT}/resource-groups/live`)).toMatchObject({
      holder: { jobId: holder.id },
      waiting: [{ id: waiting.id }],
    });

    gate.open();
    for (const id of [first, second]) expect((await sandbox.rested(id)).status).toBe('success');
  });
});

describe('What a job says of itself', () => {
  let pipeline: PipelineAnswer;
  beforeAll(async () => {
    pipeline = await ran(`
variables: { A: of the file, B: of the file }
soft: { script: exit 42, allow_failure: { exit_codes: [42] } }
again: { script: 'test "$CI_JOB_ATTEMPT" -ge 2 || exit 75', retry: { max: 2, exit_codes: 75 } }
tagged: { tags: [gpu], script: 'echo "$CI_RUNNER_TAGS"' }
some: { inherit: { variables: [B] }, script: 'echo "<$A> <$B>"' }
deploy: { environment: live, script: 'true' }
check: { environment: { name: live, action: verify }, script: 'echo "$CI_ENVIRONMENT_NAME $CI_ENVIRONMENT_ACTION"' }
`);
  });

  it('which exit codes are allowed, and which are worth another try', async () => {
    expect(pipeline.status).toBe('success');
    expect(endsOf(pipeline)).toMatchObject({ soft: 'failed', again: 'success' });
    expect(jobNamed(pipeline, 'again').attempt).toBe(2);

    const hard = 'hard: { script: exit 41, allow_failure: { exit_codes: [42] }, retry: { max: 2, exit_codes: 75 } }\n';
    expect(await ran(hard)).toMatchObject({ status: 'failed', jobs: [{ attempt: 1, exitCode: 41 }] });
  });

  it('which runners it wants, which tell their tags', async () =>
    expect(await outputOfJob(sandbox, pipeline, 'tagged')).toBe('["linux","gpu"]'));

  it('which variables of the file it takes over', async () =>
    expect(await outputOfJob(sandbox, pipeline, 'some')).toBe('<> <of the file>'));

  it('that it uses an environment without deploying to it', async () => {
    expect(await outputOfJob(sandbox, pipeline, 'check')).toBe('live verify');
    const deployments = await until('the deployment', async () => {
      const { items } = await sandbox.client.get<{ items: { jobId: string; status: string }[] }>(
        `/api/${PROJECT}/deployments`,
      );
      return items.some(({ status }) => status === 'success') && items;
    });
    expect(deployments.map(({ jobId }) => jobId)).toEqual([jobNamed(pipeline, 'deploy').id]);
  });
});
