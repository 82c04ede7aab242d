import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROJECT, Sandbox, START_MS, jobNamed, type PipelineAnswer } from '@foldline/client';
import type { PlanDecision } from '@foldline/contracts';
import { outputOf } from './output.ts';

const DEFINITION = `
show:
  script: echo "for $TARGET"
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH && $LEVEL == "a-sealed-value" && $GIVEN =~ /^y/
      variables: { TARGET: production }
    - if: $CI_COMMIT_BRANCH
      variables: { TARGET: staging }
release:
  script: make release
  rules:
    - if: $CI_COMMIT_TAG || $LEVEL != "a-sealed-value"
`;

let sandbox: Sandbox;
let pipeline: PipelineAnswer;

beforeAll(async () => {
  sandbox = await Sandbox.start();
  await sandbox.client.post(`/api/${PROJECT}/variables`, { key: 'LEVEL', value: 'a-sealed-value', masked: true });
  sandbox.commit({ '.codara-ci.yml': DEFINITION });
  pipeline = await sandbox.rested((await sandbox.trigger('main', { GIVEN: 'yes' })).id);
}, START_MS);
afterAll(() => sandbox.stop(), START_MS);

describe('rules', () => {
  it('run the jobs that they let in, with the variables of the rule that holds', async () => {
    expect(pipeline).toMatchObject({ status: 'success', jobs: [{ name: 'show' }] });
    expect(outputOf(await sandbox.log(jobNamed(pipeline, 'show').id))).toContain('for production');
  });

  it('are told with what they looked at, but for the values of the project', async () => {
    const plan = await sandbox.client.get<{ decisions: PlanDecision[] }>(
      `/api/${PROJECT}/pipelines/${pipeline.id}/plan`,
    );
    expect(plan.decisions).toMatchObject([
      { definition: 'show', created: true, rule: 'rules: 1' },
      { definition: 'release', created: false, rule: 'rules: none' },
    ]);
    expect(plan.decisions[1]!.because).toContain('(CI_COMMIT_TAG is not set, LEVEL is set)');
  });
});
