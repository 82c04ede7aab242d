import type { Scenario } from './scenarios.ts';

const TOLD = `stages: [test, after]
unit:
  stage: test
  script: echo "$CI_JOB_STATUS" > status && test "$CI_JOB_ATTEMPT" -ge 3
  after_script: echo "attempt $CI_JOB_ATTEMPT $CI_JOB_STATUS" >> status
  artifacts: {paths: [status], when: always}
  retry: {max: 1, when: script_failure}
report:
  stage: after
  script: printf 'running\\nattempt 2 failed\\n' | cmp - status
  when: always
`;
const WARNED = `stages: [check, ship]
lint:
  stage: check
  script: "false"
  allow_failure: true
ship:
  stage: ship
  script: echo shipped
`;
const ASKED = `docs:
  script: echo docs
  when: manual
`;

/** What becomes of jobs and pipelines while they run. */
export const RUN_TIME_SCENARIOS: readonly Scenario[] = [
  {
    name: 'what the last failed attempt kept, with what its after_script was told',
    run: async (project) => {
      const id = await project.start(TOLD);
      await project.jobIs(id, 'report', 'success');
      await project.rested(id, 'failed');
      return [id];
    },
  },
  {
    name: 'a success with a warning, and a pipeline of which nobody started anything',
    run: async (project) => {
      const warned = await project.start(WARNED);
      await project.rested(warned, 'success');
      const asked = await project.start(ASKED);
      await project.rested(asked, 'skipped');
      return [warned, asked];
    },
  },
  {
    name: 'a submitted job whose second attempt goes on behind the step that went well',
    run: async (project) => {
      const counter = `${project.directory}/attempts`;
      const { pipelineId } = await project.sandbox.client.post<{ pipelineId: string }>('/jobs/submit', {
        id: project.name,
        repo: project.repository,
        commit: 'main',
        retries: 1,
        steps: [
          { name: 'Make', run: `echo x >> ${counter}; rm README.md; mkdir made; ln -s /nowhere made/link` },
          { name: 'Fail once', run: `test ! -e README.md; echo x >> ${counter}; test $(wc -l < ${counter}) -eq 3` },
        ],
      });
      await project.rested(pipelineId, 'success');
      return [pipelineId];
    },
  },
];
