import { describe, it } from '@jest/globals';
import { PipelinePlanned, PlanRejected, type Problem } from '@foldline/contracts';
import { givenWhenThen, planOf, plannedJob, sampleContext } from '@foldline/testing';
import { planDecider } from './plan.decider.ts';

const given = givenWhenThen(planDecider);
const plan = planOf(plannedJob(0, 'build'));
const planned = PipelinePlanned({ pipelineId: 'p1', context: sampleContext, plan });
const problems: Problem[] = [
  { code: 'no-jobs', severity: 'error', message: 'no jobs', file: '.codara-ci.yml', line: 1, column: 1 },
];
const rejected = PlanRejected({ pipelineId: 'p1', problems });

describe('The plan of a pipeline', () => {
  it('is recorded with everything its jobs need to know', () => {
    given().when({ type: 'RecordPlan', context: sampleContext, plan }).then(planned);
  });

  it('may be its rejection, with every problem', () => {
    given().when({ type: 'RejectPlan', pipelineId: 'p1', problems }).then(rejected);
  });

  it('tells of the commit that was refused, where one is known', () => {
    const commit = { sha: 'c'.repeat(40), message: 'Add gears' };
    const known = PlanRejected({ pipelineId: 'p1', problems, commit });
    given().when({ type: 'RejectPlan', pipelineId: 'p1', problems, commit }).then(known);
  });

  it('stays what it was first', () => {
    given(planned).when({ type: 'RecordPlan', context: sampleContext, plan }).thenNothing();
    given(planned).when({ type: 'RejectPlan', pipelineId: 'p1', problems }).thenNothing();
    given(rejected).when({ type: 'RecordPlan', context: sampleContext, plan }).thenNothing();
  });
});
