import { Inject, Injectable } from '@nestjs/common';
import {
  COLLECTION,
  serviceIndexKey,
  serviceIndexPrefix,
  serviceStream,
  type ServiceDeploymentDoc,
  type ServiceDoc,
  type WantedDeployment,
} from '@foldline/contracts';
import { COMMANDS, derivedId, PORT, Refusal, type Commands, type ReadStore } from '@foldline/kernel';
import type { Done, RequestId } from '../triggers/idempotency.ts';
import { NumberedQueries } from './numbered.queries.ts';
import { Numbers } from './numbers.ts';
import { serviceDecider } from './service.decider.ts';

/** Deployments that are looked at to find one to go back to. */
const LOOKED_AT = 1000;

export type RollbackTarget = { revision?: number | undefined; version?: string | undefined };
export type RequestedDeployment = { number: number; imageTag: string; position: number };
type Wish = Pick<WantedDeployment, 'imageTag' | 'images'> & Pick<Partial<WantedDeployment>, 'imageId' | 'rollback'>;

/** The one way to a new deployment of a service. A rollback is one as well (C26). */
@Injectable()
export class DeploymentRequests {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(NumberedQueries) private readonly numbered: NumberedQueries,
    @Inject(Numbers) private readonly numbers: Numbers,
  ) {}

  deploy(service: ServiceDoc, imageTag: string, reason: string | undefined, by: RequestId) {
    return this.request(service, { imageTag, images: placesOf(service, imageTag) }, reason, by);
  }

  async rollBack(service: ServiceDoc, to: RollbackTarget, reason: string | undefined, by: RequestId) {
    const { current } = service;
    if (!current) throw nothing('nothing of the service runs');
    const running = await this.numbered.deployment(String(current.number));
    const target = await this.targetOf(service, running, to);
    const { imageTag, images, imageId, number } = target;
    const wish = {
      imageTag,
      images,
      ...(imageId !== undefined && { imageId }),
      rollback: { of: running.id, to: number },
    };
    const why = reason ?? `rollback to deployment ${number}`;
    return this.request(service, wish, why, by);
  }

  /** Going back twice goes back further: what was taken back, and what brought something back, is left out. */
  private async targetOf(service: ServiceDoc, running: ServiceDeploymentDoc, { revision, version }: RollbackTarget) {
    const before = running.rollback?.to ?? running.number;
    const isWanted = (doc: ServiceDeploymentDoc): boolean => {
      if (doc.id === running.id || (doc.status !== 'success' && doc.status !== 'rolled_back')) return false;
      if (revision !== undefined) return doc.number === revision;
      if (version !== undefined) return doc.imageTag === version || doc.imageTag.endsWith(`:${version}`);
      return doc.status === 'success' && !doc.rollback && doc.number < before;
    };
    const { items } = await this.reads.query<ServiceDeploymentDoc>(COLLECTION.serviceDeployments, {
      index: 'byService',
      prefix: serviceIndexPrefix(service.number),
      reverse: true,
      limit: LOOKED_AT,
      ...(revision === undefined && version === undefined && { after: serviceIndexKey(service.number, before) }),
    });
    const found = items.find(isWanted);
    if (found) return found;
    if (revision !== undefined) throw nothing(`deployment ${revision} is none of this service that has succeeded`);
    throw nothing(version === undefined ? 'nothing ran before' : `no deployment of ${version} has succeeded`);
  }

  private async request(
    service: ServiceDoc,
    wish: Wish,
    reason: string | undefined,
    by: RequestId,
  ): Promise<Done<RequestedDeployment>> {
    const deploymentId = by.keyed ? derivedId('deployment', service.id, by.id) : by.id;
    const known = by.keyed
      ? await this.reads.get<ServiceDeploymentDoc>(COLLECTION.serviceDeployments, deploymentId)
      : undefined;
    if (known)
      return { answer: { number: known.number, imageTag: known.imageTag, position: known.position }, fresh: false };
    const { id, owner, name, url, defaultBranch, variables } = await this.numbered.project(service.projectId);
    const number = await this.numbers.next('deployments', deploymentId, by.cause);
    const { ports, environment, healthCheck } = service;
    const wanted: WantedDeployment = {
      ...wish,
      deploymentId,
      serviceId: service.id,
      number,
      service: { number: service.number, name: service.name },
      project: { id, owner, name, url, defaultBranch },
      projectNumber: service.projectNumber,
      ...(reason !== undefined && { reason }),
      run: { ports, environment, healthCheck },
      // What is for some environments alone is for jobs that deploy to them.
      projectVariables: variables
        .filter(({ scope, kind }) => (scope ?? '*') === '*' && kind === undefined)
        .map(({ hidden: _hidden, description: _description, ...variable }) => variable),
    };
    const stream = serviceStream(service.id);
    const command = { type: 'RequestServiceDeployment', ...wanted } as const;
    const { position, events } = await this.commands.handle(stream, serviceDecider, command, by.cause);
    return { answer: { number, imageTag: wish.imageTag, position }, fresh: events.length > 0 };
  }
}

const nothing = (message: string): Refusal => new Refusal('nothing_to_roll_back', message);

/** An image of the service itself is in its registries; any other is where its name says. */
const placesOf = ({ image, registries }: ServiceDoc, imageTag: string): string[] =>
  registries.length > 0 && imageTag.startsWith(`${image}:`)
    ? registries.map((registry) => `${registry}/${imageTag}`)
    : [imageTag];
