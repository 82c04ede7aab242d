import { describe, it } from '@jest/globals';
import { DeploymentFailed, DeploymentStarted, DeploymentSucceeded } from '@foldline/contracts';
import { givenWhenThen } from '@foldline/testing';
import { deploymentDecider } from './deployment.decider.ts';

const given = givenWhenThen(deploymentDecider);

const names = {
  deploymentId: 'd1',
  environmentId: 'e1',
  projectId: 'pr1',
  environment: 'production',
  pipelineId: 'p1',
  jobId: 'p1.2',
};
const deployment = { ...names, sha: 'a'.repeat(40), ref: 'main', url: 'https://app.example.com' };
const started = DeploymentStarted(deployment);
const succeeded = DeploymentSucceeded(names);
const failed = DeploymentFailed({ ...names, because: 'script_failure' });

describe('a deployment', () => {
  describe('when its job is assigned', () => {
    it('starts', () => given().when({ type: 'StartDeployment', deployment }).then(started));
    it('starts once', () => given(started).when({ type: 'StartDeployment', deployment }).thenNothing());
    it('does not start again after it ended', () =>
      given(started, succeeded).when({ type: 'StartDeployment', deployment }).thenNothing());
  });

  describe('when its job succeeds', () => {
    it('succeeds', () => given(started).when({ type: 'SucceedDeployment' }).then(succeeded));
    it('succeeds once', () => given(started, succeeded).when({ type: 'SucceedDeployment' }).thenNothing());
    it('stays failed when it had failed', () =>
      given(started, failed).when({ type: 'SucceedDeployment' }).thenNothing());
  });

  describe('when its job fails', () => {
    const fail = { type: 'FailDeployment' as const, because: 'script_failure' };
    it('fails with the reason', () => given(started).when(fail).then(failed));
    it('fails once', () => given(started, failed).when(fail).thenNothing());
    it('stays a success when it had succeeded', () => given(started, succeeded).when(fail).thenNothing());
  });

  it('is nothing for a job that deploys nothing', () => {
    given().when({ type: 'SucceedDeployment' }).thenNothing();
    given().when({ type: 'FailDeployment', because: 'script_failure' }).thenNothing();
  });
});
