import {
  ServiceChanged,
  ServiceDeploymentCancelRequested,
  ServiceDeploymentRequested,
  ServiceRegistered,
  ServiceRemoved,
  type ServiceConfig,
} from '@foldline/contracts';
import { Refusal, type Decider } from '@foldline/kernel';
import { emitAll } from '../triggers/emit-all.ts';

type Data<Definition extends (data: never) => { data: unknown }> = ReturnType<Definition>['data'];

export type ServiceEvent = ReturnType<
  | typeof ServiceRegistered
  | typeof ServiceChanged
  | typeof ServiceRemoved
  | typeof ServiceDeploymentRequested
  | typeof ServiceDeploymentCancelRequested
>;
export type ServiceCommand =
  | ({ type: 'RegisterService' } & Data<typeof ServiceRegistered>)
  | { type: 'ChangeService'; changes: Partial<ServiceConfig> }
  | { type: 'RemoveService'; underWay: readonly string[] }
  | ({ type: 'RequestServiceDeployment'; upon?: SeenDeployments } & Data<typeof ServiceDeploymentRequested>)
  | ({ type: 'CancelServiceDeployment' } & Data<typeof ServiceDeploymentCancelRequested>);
/** What a rollback was chosen by: the newest deployment that was asked for. */
type SeenDeployments = { newest: string | undefined };
/** Nothing is known of a service that was removed: its name may be another's. */
export type ServiceState = { known?: Data<typeof ServiceChanged>; newest?: string };

const evolve = (state: ServiceState, event: ServiceEvent): ServiceState => {
  switch (event.type) {
    case 'ServiceRegistered':
    case 'ServiceChanged': {
      const { serviceId, number, projectId, config } = event.data;
      state.known = { serviceId, number, projectId, config };
      return state;
    }
    case 'ServiceRemoved':
      delete state.known;
      delete state.newest;
      return state;
    case 'ServiceDeploymentRequested':
      state.newest = event.data.deploymentId;
      return state;
    case 'ServiceDeploymentCancelRequested':
      return state;
  }
};

export const underWay = (): Refusal =>
  new Refusal('deployment_under_way', 'a deployment of the service goes on, so what a rollback leads to is open');

/** Texts of the same content are the same, in whatever order their fields come. */
const same = (one: unknown, other: unknown): boolean => JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, each]) => [key, sorted(each)]);
};

const decide = (command: ServiceCommand, { known, newest }: ServiceState): ServiceEvent[] => {
  if (command.type === 'RegisterService') {
    const { type: _type, ...data } = command;
    if (!known) return [ServiceRegistered(data)];
    if (same(known.config, data.config)) return [];
    throw new Refusal('service_exists', `the project has another service ${data.config.name}`, { pointer: '/name' });
  }
  // Also of one that was removed since: what is being deployed of it ends by itself or by this.
  if (command.type === 'CancelServiceDeployment') {
    const { type: _type, ...data } = command;
    return [ServiceDeploymentCancelRequested(data)];
  }
  if (!known) throw new Refusal('not_found', 'there is no such service');
  if (command.type === 'ChangeService') {
    const config = { ...known.config, ...command.changes };
    return same(known.config, config) ? [] : [ServiceChanged({ ...known, config })];
  }
  if (command.type === 'RequestServiceDeployment') {
    const { type: _type, upon, ...data } = command;
    if (upon && upon.newest !== newest) throw underWay();
    return [ServiceDeploymentRequested(data)];
  }
  const { config: _config, ...names } = known;
  const { serviceId } = names;
  const cancels = command.underWay.map((deploymentId) => ServiceDeploymentCancelRequested({ deploymentId, serviceId }));
  return [...cancels, ServiceRemoved(names)];
};

/** A service: how it is built and run. Its stream is named after its project and its name, so there is one of each. */
export const serviceDecider: Decider<ServiceState, ServiceCommand, ServiceEvent> = {
  initialState: () => ({}),
  evolve,
  decide: (command, state) => emitAll(state, evolve, decide(command, state)),
};
