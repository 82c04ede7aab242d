import { jobNamed, until, type PipelineAnswer } from '@foldline/client';
import { Gate } from '../acceptance/gate.ts';
import { ScenarioProject } from './project.ts';
import type { Scenario } from './scenarios.ts';

const CHILDREN = `stages: [make, ship, after]
variables: { EVERYBODY: knows }
make:
  stage: make
  script: |
    printf 'built:\\n  script: test "$LEVEL" = full && test "$EVERYBODY" = knows\\n' > child.yml
  artifacts: { paths: [child.yml] }
filed:
  stage: ship
  variables: { KIND: filed, FOR: $CI_PIPELINE_ID }
  trigger: { include: ci/child.yml, strategy: depend }
made:
  stage: ship
  variables: { LEVEL: full }
  trigger: { include: [{ artifact: child.yml, job: make }], strategy: mirror }
left:
  stage: ship
  trigger: { include: ci/child.yml, forward: { yaml_variables: false, pipeline_variables: true } }
after:
  stage: after
  script: echo after
`;
/** What was handed on to it, and what was not. */
const CHILD = `said:
  script:
    - test "$CI_PIPELINE_SOURCE" = parent_pipeline
    - if [ "$KIND" = filed ]; then test -n "$FOR" && test "$FOR" != "$CI_PIPELINE_ID"; else test -z "$FOR$EVERYBODY"; fi
`;
const WAITING = `stages: [ship, after]
ship:
  stage: ship
  trigger: { include: ci/child.yml, strategy: depend }
after:
  stage: after
  script: echo after
`;
const MENDED_BY_A_PERSON = `check:
  script: test "$CI_JOB_ATTEMPT" -ge 2
`;
const HELD = (gate: Gate): string => `held:
  script:
    - ${gate.wait}
`;
const OF_ANOTHER = (project: string): string => `allowed:
  variables: { LEVEL: full }
  trigger: { project: ${project}, branch: main, strategy: depend }
refused:
  trigger: acme/none
  allow_failure: true
`;

const reopened = async (project: ScenarioProject, id: string): Promise<void> => {
  const child = await project.downstream(id, 'ship');
  await project.rested(id, 'failed');
  const { id: jobId } = await project.jobIs(child, 'check', 'failed');
  await project.post(`/jobs/${jobId}/retry`);
};

/** Pipelines that are started by jobs of others. */
export const DOWNSTREAM_SCENARIOS: readonly Scenario[] = [
  {
    name: 'children of a file and of what a job made, one of them left to itself',
    run: async (project) => {
      await project.commit({ '.codara-ci.yml': CHILDREN, 'ci/child.yml': CHILD });
      const id = await project.trigger('main', {});
      const children = [];
      for (const job of ['filed', 'made', 'left']) {
        const child = await project.downstream(id, job);
        await project.rested(child, 'success');
        children.push(child);
      }
      await project.rested(id, 'success');
      return [id, ...children];
    },
  },
  {
    name: 'a child that a person mends, and with it the pipeline that waits for it',
    run: async (project) => {
      await project.commit({ '.codara-ci.yml': WAITING, 'ci/child.yml': MENDED_BY_A_PERSON });
      const id = await project.trigger();
      await reopened(project, id);
      await project.rested(id, 'success');
      return [id, await project.downstream(id, 'ship')];
    },
  },
  {
    name: 'a child that ends with the pipeline that a person cancels',
    run: async (project) => {
      const gate = new Gate(project.directory, 'child');
      await project.commit({ '.codara-ci.yml': WAITING, 'ci/child.yml': HELD(gate) });
      const id = await project.trigger();
      const child = await project.downstream(id, 'ship');
      await project.jobIs(child, 'held', 'running');
      await gate.reached();
      await project.post(`/pipelines/${id}/cancel`);
      await project.rested(id, 'cancelled');
      await project.rested(child, 'cancelled');
      return [id, child];
    },
  },
  {
    name: 'a pipeline of another project that lets it, and one of a project that is not there',
    run: async (project) => {
      const other = await ScenarioProject.create(project.sandbox, `${project.name}-other`);
      await other.commit({ '.codara-ci.yml': 'full:\n  script: test "$LEVEL" = full\n' });
      await other.put('/callers', { callers: [project.fullName] });
      await until('its caller', async () => (await other.get<{ callers: string[] }>('/callers')).callers.length > 0);
      const id = await project.start(OF_ANOTHER(other.fullName));
      const pipeline: PipelineAnswer = await project.rested(id, 'success');
      const { reason } = jobNamed(pipeline, 'refused');
      if (reason !== 'downstream_refused') throw new Error(`the job that may not was ${reason}`);
      const downstream = await project.downstream(id, 'allowed');
      await other.rested(downstream, 'success');
      return [id];
    },
  },
];
