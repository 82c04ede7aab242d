import { describe, it } from '@jest/globals';
import {
  ServiceDeploymentAdvanced,
  ServiceDeploymentCancelling,
  ServiceDeploymentFailed,
  ServiceDeploymentRolledBack,
  ServiceDeploymentStarted,
  ServiceDeploymentSucceeded,
  type WantedDeployment,
} from '@foldline/contracts';
import { givenWhenThen, sampleContext } from '@foldline/testing';
import { CANCELLED, serviceDeploymentDecider } from './service-deployment.decider.ts';

const given = givenWhenThen(serviceDeploymentDecider);

const names = { deploymentId: 'd1', serviceId: 's1' };
const wanted: WantedDeployment = {
  ...names,
  number: 4,
  service: { number: 1, name: 'shop' },
  project: sampleContext.project,
  projectNumber: 1,
  imageTag: 'shop:1',
  images: ['shop:1'],
  run: { ports: [], environment: {}, healthCheck: { timeoutSeconds: 60 } },
  projectVariables: [],
};
const started = ServiceDeploymentStarted(wanted);
const image = { image: 'shop:1', imageId: 'sha256:i' };
const succeeded = ServiceDeploymentSucceeded({ ...names, number: 4, ...image });
const failed = ServiceDeploymentFailed({ ...names, code: 'port_taken', because: 'no' });

describe('a deployment of a service', () => {
  it('begins once', () => {
    given().when({ type: 'StartServiceDeployment', wanted }).then(started);
    given(started).when({ type: 'StartServiceDeployment', wanted }).thenNothing();
  });

  it('tells each phase once', () => {
    const phase = ServiceDeploymentAdvanced({ ...names, phase: 'image' });
    given(started).when({ type: 'AdvanceServiceDeployment', phase: 'image' }).then(phase);
    given(started, phase).when({ type: 'AdvanceServiceDeployment', phase: 'image' }).thenNothing();
  });

  it('ends once, one way or the other', () => {
    given(started)
      .when({ type: 'SucceedServiceDeployment', ...image })
      .then(succeeded);
    given(started).when({ type: 'FailServiceDeployment', code: 'port_taken', because: 'no' }).then(failed);
    given(started, succeeded).when({ type: 'FailServiceDeployment', code: 'x', because: 'y' }).thenNothing();
    given(started, failed)
      .when({ type: 'SucceedServiceDeployment', ...image })
      .thenNothing();
    given(started, failed).when({ type: 'AdvanceServiceDeployment', phase: 'check' }).thenNothing();
  });

  describe('that is cancelled', () => {
    const cancel = { type: 'CancelServiceDeployment' } as const;
    const advanced = (phase: 'image' | 'check' | 'switch') => ServiceDeploymentAdvanced({ ...names, phase });
    const cancelling = ServiceDeploymentCancelling(names);
    const cancelled = ServiceDeploymentFailed({ ...names, ...CANCELLED });

    it('ends at once while it waits', () => {
      given(started).when(cancel).then(cancelled);
      given(started, cancelled).when(cancel).thenNothing();
      given(started, cancelled).when({ type: 'AdvanceServiceDeployment', phase: 'image' }).thenNothing();
    });

    it('goes no further, and ends as cancelled whatever it comes to', () => {
      given(started, advanced('image')).when(cancel).then(cancelling);
      const cancellingIt = () => given(started, advanced('check'), cancelling);
      cancellingIt().when(cancel).thenNothing();
      cancellingIt().when({ type: 'AdvanceServiceDeployment', phase: 'switch' }).thenNothing();
      cancellingIt().when({ type: 'FailServiceDeployment', code: 'port_taken', because: 'no' }).then(cancelled);
    });

    it('goes on once it takes over', () => {
      given(started, advanced('switch')).when(cancel).thenNothing();
      given(started, advanced('switch'), succeeded).when(cancel).thenNothing();
    });
  });

  it('is taken back once, when it had succeeded', () => {
    const rolledBack = ServiceDeploymentRolledBack({ ...names, by: 'd2' });
    given(started, succeeded).when({ type: 'RollBackServiceDeployment', by: 'd2' }).then(rolledBack);
    given(started, succeeded, rolledBack).when({ type: 'RollBackServiceDeployment', by: 'd2' }).thenNothing();
    given(started, failed).when({ type: 'RollBackServiceDeployment', by: 'd2' }).thenNothing();
  });

  it('that never began does nothing', () =>
    given().when({ type: 'FailServiceDeployment', code: 'x', because: 'y' }).thenNothing());
});
