import { jobNamed, until, type Accepted } from '@foldline/client';
import { Gate } from '../acceptance/gate.ts';
import { sample } from '../acceptance/samples.ts';
import type { ScenarioProject } from './project.ts';
import type { Receiver } from './receiver.ts';
import { DOWNSTREAM_SCENARIOS } from './downstream.scenarios.ts';
import { LANGUAGE_SCENARIOS } from './language.scenarios.ts';
import { VARIABLE_SCENARIOS } from './variable-scenarios.ts';
import { RUN_TIME_SCENARIOS } from './run-time.scenarios.ts';

/** Runs pipelines of a new project to their ends and answers with their ids. They need `PROGRAMS`. */
export type Scenario = { name: string; run: (project: ScenarioProject, receiver: Receiver) => Promise<string[]> };

/** The second try is a second after the first, where nothing else keeps the machine busy. */
const NOTIFIED_MS = 90_000;

const MATRIX = `stages: [build, test]
make:
  stage: build
  script: mkdir -p out && echo made > out/a.txt
  artifacts: {paths: [out/], expire_in: 1 week, reports: {junit: out/a.txt}}
lint:
  stage: build
  script: "true"
  artifacts: {paths: [nothing/]}
use:
  stage: test
  needs: [make, {job: lint, artifacts: false}]
  parallel:
    matrix:
      - NODE: ["18", "20"]
        SYSTEM: [linux, mac]
  script: cat out/a.txt && echo "$NODE on $SYSTEM"
`;
const CACHED = `build:
  script: mkdir -p kept && date +%N >> kept/list
  cache:
    - {key: {files: [README.md], prefix: kept}, paths: [kept/]}
    - {key: "branch-$EXTRA", fallback_keys: [branch-], paths: [kept/list], policy: pull-push}
`;
const FLAKY = (counter: string): string => `flaky:
  script: echo x >> ${counter}; test $(wc -l < ${counter}) -ge 3
  retry: {max: 2, when: script_failure}
allowed:
  script: exit 3
  allow_failure: true
slow:
  script: sleep 60
  timeout: 1s
  retry: {max: 1, when: job_timeout}
  allow_failure: true
after:
  script: echo after
  needs: [flaky]
`;
const FAILING = `stages: [one, two]
bad:
  stage: one
  script: echo why > reason.txt && exit 7
  after_script: echo swept
  artifacts: {paths: [reason.txt], when: on_failure}
then:
  stage: two
  script: echo no
tell:
  stage: two
  script: echo told
  when: on_failure
sweep:
  stage: two
  script: echo swept
  when: always
`;
const MENDED_BY_A_PERSON = `stages: [one, two]
check:
  stage: one
  script: test "$CI_JOB_ATTEMPT" -ge 2
next:
  stage: two
  script: echo next
`;
const BLOCKED = `stages: [ask, go]
ask:
  stage: ask
  script: echo asked
  when: manual
  allow_failure: false
go:
  stage: go
  script: echo gone
`;
const DEPLOYED = (script: string): string =>
  `deploy:\n  script: ${script}\n  environment: {name: "review/$CI_COMMIT_REF_SLUG", url: "https://$CI_COMMIT_REF_SLUG.example.com"}\n`;
const SECRETS = `show:
  script: test "$OPENED" = sealed-in-the-vault && test "$GIVEN" = as-a-variable && test -z "$REMOVED"
  secrets: {OPENED: {vault: shop/key}}
`;

const rested = async (project: ScenarioProject, id: string): Promise<string[]> => {
  await project.rested(id);
  return [id];
};

const play = async (project: ScenarioProject, id: string, job: string): Promise<void> => {
  const { id: jobId } = await project.jobIs(id, job, 'manual');
  await project.post(`/jobs/${jobId}/play`);
};

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'the flagship: cache, artifacts, coverage, and a deployment that a person starts',
    run: async (project) => {
      await project.commit({ 'package-lock.json': '{}' });
      const id = await project.start(sample('S0-flagship'));
      await play(project, id, 'deploy');
      await project.rested(id, 'success');
      return [id];
    },
  },
  {
    name: 'a matrix that uses an artifact, a report, and an artifact of nothing',
    run: async (project) => rested(project, await project.start(MATRIX, { EXTRA: 'given' })),
  },
  {
    name: 'caches that the next pipeline finds, one of them under another key',
    run: async (project) => {
      const first = await project.start(CACHED, { EXTRA: 'first' });
      await project.rested(first);
      await until('the caches of the first pipeline', async () => {
        const events = await project.get<{ items: { type: string }[] }>(`/pipelines/${first}/events?limit=200`);
        return events.items.filter(({ type }) => type === 'CacheCommitted').length === 2;
      });
      const second = await project.trigger('main', { EXTRA: 'second' });
      await project.rested(second);
      return [first, second];
    },
  },
  {
    name: 'retries, a failure that is allowed, and an attempt that takes too long',
    run: async (project) => rested(project, await project.start(FLAKY(`${project.directory}/flaky`))),
  },
  {
    name: 'a pipeline that is cancelled while it runs',
    run: async (project) => {
      const gate = new Gate(project.directory, 'cancelled');
      const id = await project.start(
        `held:\n  script:\n    - ${gate.wait}\nnever:\n  needs: [held]\n  script: echo never\n`,
      );
      await project.jobIs(id, 'held', 'running');
      await gate.reached();
      await project.post(`/pipelines/${id}/cancel`);
      return rested(project, id);
    },
  },
  {
    name: 'a failure, what it skips, what runs because of it and what runs anyway',
    run: async (project) => rested(project, await project.start(FAILING)),
  },
  {
    name: 'a failed job that a person runs again',
    run: async (project) => {
      const id = await project.start(MENDED_BY_A_PERSON);
      const { id: jobId } = jobNamed(await project.rested(id, 'failed'), 'check');
      await project.post(`/jobs/${jobId}/retry`);
      await project.rested(id, 'success');
      return [id];
    },
  },
  {
    name: 'a pipeline that waits for a person, and one that is given up while it waits',
    run: async (project) => {
      const first = await project.start(BLOCKED);
      await play(project, first, 'ask');
      await project.rested(first, 'success');
      const second = await project.trigger();
      await project.rested(second, 'manual');
      await project.post(`/pipelines/${second}/cancel`);
      await project.rested(second, 'cancelled');
      return [first, second];
    },
  },
  {
    name: 'a deployment that fails after one that did not',
    run: async (project) => {
      const first = await project.start(DEPLOYED('"true"'));
      await project.rested(first);
      const second = await project.start(DEPLOYED('"false"'));
      await project.rested(second);
      return [first, second];
    },
  },
  {
    name: 'secrets and variables of the project',
    run: async (project) => {
      await project.post('/secrets', { path: 'shop/key', value: 'sealed-in-the-vault' });
      for (const key of ['GIVEN', 'REMOVED'])
        await project.post('/variables', { key, value: 'as-a-variable', masked: true });
      await project.remove('/variables/REMOVED');
      return rested(project, await project.start(SECRETS));
    },
  },
  {
    name: 'notifications: one at once, one at the second try, one in vain, and none any more',
    run: async (project, { url }) => {
      const subscribed = async (path: string): Promise<string> => {
        const request = { kind: 'webhook', url: url + path, on: ['failed'] };
        return (await project.post<{ id: string }>('/subscriptions', request)).id;
      };
      const removed = await subscribed('/removed');
      await project.remove(`/subscriptions/${removed}`);
      const ids = [await subscribed('/good'), await subscribed('/shaky'), await subscribed('/gone')];
      await until('the subscriptions', async () => {
        const { items } = await project.get<{ items: { id: string }[] }>('/subscriptions');
        return items.length === ids.length && items.every(({ id }) => ids.includes(id));
      });
      const id = await project.start('bad:\n  script: "false"\n');
      await until(
        'the ends of three notifications',
        async () => {
          const { items } = await project.get<{ items: { status: string }[] }>('/notifications');
          return items.filter(({ status }) => ['delivered', 'abandoned'].includes(status)).length === ids.length;
        },
        NOTIFIED_MS,
      );
      return rested(project, id);
    },
  },
  {
    name: 'a push that a forge tells about twice',
    run: async (project) => {
      const sha = await project.commit({ '.codara-ci.yml': 'show:\n  script: echo "$CI_PIPELINE_SOURCE"\n' });
      const told = [await project.push({ after: sha }), await project.push({ after: sha })];
      const ids = [...new Set(told.flat())];
      for (const id of ids) await project.rested(id);
      return ids;
    },
  },
  {
    name: 'a request that is sent twice under one key',
    run: async (project) => {
      await project.commit({ '.codara-ci.yml': 'build:\n  script: "true"\n' });
      const request = {
        headers: { 'content-type': 'application/json', 'idempotency-key': `key-of-${project.name}` },
        body: JSON.stringify({ ref: 'main' }),
      };
      const send = async (): Promise<string> => {
        const path = `/api/${project.fullName}/pipelines`;
        const response = await project.sandbox.client.raw('POST', path, request);
        return ((await response.json()) as Accepted).id;
      };
      const ids = [...new Set([await send(), await send()])];
      for (const id of ids) await project.rested(id);
      return ids;
    },
  },
  {
    name: 'definitions that are rejected, a commit that is not there, and a plan of nothing',
    run: async (project) => {
      const ids = [
        await project.start('build:\n  scripts: [echo]\n  needs: [nobody]\n'),
        await project.trigger(`${'0'.repeat(39)}1`),
      ];
      await project.rested(ids[0]!);
      ids.push(await project.start('release:\n  script: "true"\n  only: [tags]\n'));
      for (const id of ids) await project.rested(id);
      return ids;
    },
  },
  ...VARIABLE_SCENARIOS,
  ...DOWNSTREAM_SCENARIOS,
  ...RUN_TIME_SCENARIOS,
  ...LANGUAGE_SCENARIOS,
];
