import { describe, it } from '@jest/globals';
import { EnvironmentCreated, EnvironmentDeployed } from '@foldline/contracts';
import { givenWhenThen } from '@foldline/testing';
import { environmentDecider } from './environment.decider.ts';

const given = givenWhenThen(environmentDecider);

const environment = { environmentId: 'e1', projectId: 'pr1', name: 'production' };
const deployed = (deploymentId: string) => ({ ...environment, deploymentId, sha: 'a'.repeat(40), ref: 'main' });
const created = EnvironmentCreated(environment);

describe('an environment', () => {
  it('is created when it is used for the first time', () =>
    given().when({ type: 'UseEnvironment', environment }).then(created));

  it('is created once', () => given(created).when({ type: 'UseEnvironment', environment }).thenNothing());

  it('shows what was deployed to it', () =>
    given(created)
      .when({ type: 'RecordDeployed', deployed: deployed('d1') })
      .then(EnvironmentDeployed(deployed('d1'))));

  it('shows the newest deployment', () =>
    given(created, EnvironmentDeployed(deployed('d1')))
      .when({ type: 'RecordDeployed', deployed: deployed('d2') })
      .then(EnvironmentDeployed(deployed('d2'))));

  it('records a deployment once', () =>
    given(created, EnvironmentDeployed(deployed('d1')))
      .when({ type: 'RecordDeployed', deployed: deployed('d1') })
      .thenNothing());
});
