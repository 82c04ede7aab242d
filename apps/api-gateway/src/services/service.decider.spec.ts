import { describe, it } from '@jest/globals';
import {
  ServiceChanged,
  ServiceDeploymentCancelRequested,
  ServiceDeploymentRequested,
  ServiceRegistered,
  ServiceRemoved,
  type ServiceConfig,
  type WantedDeployment,
} from '@foldline/contracts';
import { givenWhenThen } from '@foldline/testing';
import { serviceDecider } from './service.decider.ts';

const given = givenWhenThen(serviceDecider);

const config: ServiceConfig = {
  name: 'shop',
  gitUrl: '/srv/shop',
  branch: 'main',
  autoBuild: true,
  contextPath: '.',
  dockerfile: 'Dockerfile',
  buildArgs: { A: '1', B: '2' },
  platform: 'linux/amd64',
  buildNetwork: 'default',
  image: 'shop',
  registries: [],
  ports: [],
  environment: {},
  healthCheck: { timeoutSeconds: 60 },
};
const names = { serviceId: 's1', number: 1, projectId: 'p1' };
const registered = ServiceRegistered({ ...names, projectNumber: 3, config });
const register = (more: Partial<ServiceConfig> = {}, number = 1) =>
  ({ type: 'RegisterService', ...names, number, projectNumber: 3, config: { ...config, ...more } }) as const;

describe('a service', () => {
  it('is registered', () => given().when(register()).then(registered));

  it('is registered once, whatever number was taken for it meanwhile', () =>
    given(registered)
      .when(register({ buildArgs: { B: '2', A: '1' } }, 2))
      .thenNothing());

  it('is not registered over another one of its name', () =>
    given(registered)
      .when(register({ branch: 'develop' }))
      .thenRefused('service_exists'));

  it('is changed by what is given and stays as it was in everything else', () =>
    given(registered)
      .when({ type: 'ChangeService', changes: { branch: 'develop' } })
      .then(ServiceChanged({ ...names, config: { ...config, branch: 'develop' } })));

  it('that is as it was asked to be is left alone', () =>
    given(registered)
      .when({ type: 'ChangeService', changes: { branch: 'main' } })
      .thenNothing());

  it('that is removed needs none of its deployments any more', () =>
    given(registered)
      .when({ type: 'RemoveService', underWay: ['d1', 'd2'] })
      .then(
        ServiceDeploymentCancelRequested({ deploymentId: 'd1', serviceId: 's1' }),
        ServiceDeploymentCancelRequested({ deploymentId: 'd2', serviceId: 's1' }),
        ServiceRemoved(names),
      ));

  it('is removed, and its name is free again', () => {
    given(registered).when({ type: 'RemoveService', underWay: [] }).then(ServiceRemoved(names));
    given(registered, ServiceRemoved(names))
      .when(register({ branch: 'develop' }, 2))
      .then(ServiceRegistered({ ...names, number: 2, projectNumber: 3, config: { ...config, branch: 'develop' } }));
  });

  it('is rolled back by what its newest deployment was when that was chosen, or not at all', () => {
    const wanted = (deploymentId: string): WantedDeployment => ({
      deploymentId,
      serviceId: 's1',
      number: 1,
      service: { number: 1, name: 'shop' },
      project: { id: 'p1', owner: 'ada', name: 'engine', url: '/srv/shop', defaultBranch: 'main' },
      projectNumber: 3,
      imageTag: 'shop:1',
      images: ['shop:1'],
      run: { ports: [], environment: {}, healthCheck: { timeoutSeconds: 60 } },
      projectVariables: [],
    });
    const [first, second] = [ServiceDeploymentRequested(wanted('d1')), ServiceDeploymentRequested(wanted('d2'))];
    const rollBack = { type: 'RequestServiceDeployment', ...wanted('d3'), upon: { newest: 'd1' } } as const;
    given(registered, first)
      .when(rollBack)
      .then(ServiceDeploymentRequested(wanted('d3')));
    given(registered, first, second).when(rollBack).thenRefused('deployment_under_way');
  });

  it('that was never there can be neither changed nor removed', () => {
    given().when({ type: 'ChangeService', changes: {} }).thenRefused('not_found');
    given(registered, ServiceRemoved(names)).when({ type: 'RemoveService', underWay: [] }).thenRefused('not_found');
  });
});
