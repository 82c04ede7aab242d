import { jobNamed, PROJECT, type Sandbox } from '@foldline/client';
import { Gate } from '../acceptance/gate.ts';
import { sample } from '../acceptance/samples.ts';

const UNPACKED = `stages: [build, test]
make:
  stage: build
  script: mkdir -p out && echo made > out/a.txt
  artifacts: {paths: [out/], expire_in: 1 week}
  cache: {key: fixed, paths: [kept/]}
use:
  stage: test
  parallel:
    matrix:
      - NODE: ["18", "20"]
        SYSTEM: [linux, mac]
  script: cat out/a.txt && echo "$NODE on $SYSTEM"
`;
const FLAKY = (counter: string): string => `flaky:
  script: echo x >> ${counter}; test $(wc -l < ${counter}) -ge 3
  retry: {max: 2, when: script_failure}
allowed:
  script: exit 3
  allow_failure: true
after:
  script: echo after
  needs: [flaky]
`;

export type Scenario = { name: string; run: (sandbox: Sandbox) => Promise<string> };

const definition = (sandbox: Sandbox, text: string): string => sandbox.commitOnly({ '.codara-ci.yml': text });

/** Each runs one pipeline to its end and answers with its id. They need `PROGRAMS`. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'the flagship: cache, artifacts, coverage, and a deployment that a person starts',
    run: async (sandbox) => {
      sandbox.commitOnly({ '.codara-ci.yml': sample('S0-flagship'), 'package-lock.json': '{}' });
      const { id } = await sandbox.trigger();
      const waiting = await sandbox.jobIs(id, 'deploy', 'manual');
      await sandbox.client.post(`/api/${PROJECT}/jobs/${jobNamed(waiting, 'deploy').id}/play`);
      await sandbox.rested(id, ({ status }) => status === 'success');
      return id;
    },
  },
  {
    name: 'a matrix that uses an artifact',
    run: async (sandbox) => {
      definition(sandbox, UNPACKED);
      const { id } = await sandbox.trigger('main', { EXTRA: 'given' });
      await sandbox.rested(id);
      return id;
    },
  },
  {
    name: 'retries, and a failure that is allowed',
    run: async (sandbox) => {
      definition(sandbox, FLAKY(`${sandbox.directory}/flaky`));
      const { id } = await sandbox.trigger();
      await sandbox.rested(id);
      return id;
    },
  },
  {
    name: 'a pipeline that is cancelled while it runs',
    run: async (sandbox) => {
      const gate = new Gate(sandbox.directory, 'cancelled');
      definition(sandbox, `held:\n  script:\n    - ${gate.wait}\nnever:\n  needs: [held]\n  script: echo never\n`);
      const { id } = await sandbox.trigger();
      await gate.reached();
      await sandbox.client.post(`/api/${PROJECT}/pipelines/${id}/cancel`);
      await sandbox.rested(id);
      return id;
    },
  },
  {
    name: 'a failure, and the jobs that it skips',
    run: async (sandbox) => {
      definition(
        sandbox,
        'stages: [one, two]\nbad:\n  stage: one\n  script: exit 7\nthen:\n  stage: two\n  script: echo no\n',
      );
      const { id } = await sandbox.trigger();
      await sandbox.rested(id);
      return id;
    },
  },
  {
    name: 'a definition that is rejected',
    run: async (sandbox) => {
      definition(sandbox, 'build:\n  scripts: [echo]\n  needs: [nobody]\n');
      const { id } = await sandbox.trigger();
      await sandbox.rested(id);
      return id;
    },
  },
];
