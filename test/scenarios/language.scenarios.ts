import { jobNamed, until, type PipelineAnswer } from '@foldline/client';
import { Gate } from '../acceptance/gate.ts';
import type { Scenario } from './scenarios.ts';

/** Every job looks for itself at what it was promised. */
const SAID = `workflow:
  name: "$CI_COMMIT_BRANCH for $WHO"
variables:
  WHO: everybody
  RAW: { value: "$WHO is not asked", expand: false }
stages: [build, test, soon, deploy]
build:
  stage: build
  parallel: { matrix: [{ NODE: ["18", "20"] }] }
  script: echo "BUILT=with $NODE" > build.env
  artifacts: { reports: { dotenv: build.env } }
picks:
  needs: [{ job: build, parallel: { matrix: [{ NODE: "18" }] } }]
  script:
    - test "$BUILT" = "with 18"
    - test "$RAW" = '$WHO is not asked'
    - test "$CI_PIPELINE_NAME" = "main for everybody"
without:
  inherit: { variables: [RAW] }
  script: test -z "$WHO" && test "$RAW" = '$WHO is not asked'
soft:
  script: exit 42
  allow_failure: { exit_codes: [42] }
again:
  script: test "$CI_JOB_ATTEMPT" -ge 2 || exit 75
  retry: { max: 1, exit_codes: 75 }
tagged:
  variables: { KIND: gpu }
  tags: [linux, $KIND]
  script: test "$CI_RUNNER_TAGS" = '["linux","gpu"]'
later:
  stage: soon
  when: delayed
  start_in: 1 second
  script: echo later
release:
  stage: deploy
  environment: production
  resource_group: production
  script: echo released
verify:
  stage: deploy
  needs: [release]
  environment: { name: production, action: verify }
  resource_group: production
  script: test "$CI_ENVIRONMENT_NAME $CI_ENVIRONMENT_ACTION" = "production verify"
`;
/** `breaks` waits until `held` runs, so that what is cancelled is always the same. */
const OF_GITLAB = (gate: Gate): string => `workflow:
  auto_cancel: { on_job_failure: all }
stages: [one, two, three]
shards:
  stage: one
  parallel: 2
  script: test "$CI_NODE_INDEX" = "$CI_NODE_NUMBER" && test "$CI_NODE_INDEX" -ge 1
publish:
  stage: one
  release: { tag_name: v1, description: The first }
  allow_failure: true
held:
  stage: two
  script:
    - ${gate.wait}
breaks:
  stage: two
  script:
    - ${gate.waitForOther}
    - exit 7
never:
  stage: three
  script: echo never
  when: always
`;
const ASKED_FOR_LATER = `later:
  when: delayed
  start_in: 1 hour
  script: echo now
`;
const ONE_AT_A_TIME = (gate: Gate): string => `ship:
  resource_group: $PLACE
  variables: { PLACE: production }
  script:
    - ${gate.wait}
`;
const PUSHED = (gate: Gate): string => `workflow:
  auto_cancel: { on_new_commit: conservative }
code:
  interruptible: true
  rules: [{ changes: [code.txt] }]
  script:
    - ${gate.wait}
notes:
  rules: [{ changes: ["*.md"] }]
  script: echo "$CI_COMMIT_BEFORE_SHA"
`;

const hasJobs = ({ jobs }: PipelineAnswer, ...names: string[]): void => {
  const found = jobs.map(({ name }) => name);
  if (JSON.stringify(found) !== JSON.stringify(names)) throw new Error(`its jobs are ${found.join(', ')}`);
};

/** What a definition can say of when, where and beside what its jobs run. */
export const LANGUAGE_SCENARIOS: readonly Scenario[] = [
  {
    name: 'copies, exit codes, tags, a delay, one place at a time, and a job that only looks at it',
    run: async (project) => {
      const id = await project.start(SAID);
      await project.rested(id, 'success');
      return [id];
    },
  },
  {
    name: 'a definition of GitLab, of which one job publishes nothing and another ends the pipeline',
    run: async (project) => {
      await project.commit({ '.gitlab-ci.yml': OF_GITLAB(new Gate(project.directory, 'held')) });
      const id = await project.trigger();
      const pipeline = await project.rested(id, 'failed');
      const { reason } = jobNamed(pipeline, 'publish');
      if (reason !== 'config_error') throw new Error(`the job that publishes failed with ${reason}`);
      return [id];
    },
  },
  {
    name: 'a delayed job that a person starts before its time',
    run: async (project) => {
      const id = await project.start(ASKED_FOR_LATER);
      const { id: jobId } = await project.jobIs(id, 'later', 'delayed');
      await project.post(`/jobs/${jobId}/play`);
      await project.rested(id, 'success');
      return [id];
    },
  },
  {
    name: 'two pipelines of which one has the place that both want',
    run: async (project) => {
      await project.patch('/resource-groups/production', { processMode: 'oldest_first' });
      await until('the order of the group', async () => {
        const { items } = await project.get<{ items: { processMode: string }[] }>('/resource-groups');
        return items[0]?.processMode === 'oldest_first';
      });
      const gate = new Gate(project.directory, 'place');
      const first = await project.start(ONE_AT_A_TIME(gate));
      await project.jobIs(first, 'ship', 'running');
      await gate.reached();
      const second = await project.trigger();
      await project.jobIs(second, 'ship', 'waiting_for_resource');
      gate.open();
      for (const id of [first, second]) await project.rested(id, 'success');
      return [first, second];
    },
  },
  {
    name: 'a push that makes an earlier one redundant, and runs what its files are for',
    run: async (project) => {
      const gate = new Gate(project.directory, 'pushed');
      const before = await project.commit({ 'README.md': 'read me' });
      const code = await project.commit({ '.codara-ci.yml': PUSHED(gate), 'code.txt': 'code' });
      const [first = ''] = await project.push({ before, after: code });
      await project.jobIs(first, 'code', 'running');
      await gate.reached();
      const notes = await project.commit({ 'notes.md': 'notes' });
      const [second = ''] = await project.push({ before: code, after: notes });
      hasJobs(await project.rested(first, 'cancelled'), 'code');
      hasJobs(await project.rested(second, 'success'), 'notes');
      return [first, second];
    },
  },
];
