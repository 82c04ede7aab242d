import { Inject, Injectable } from '@nestjs/common';
import {
  COLLECTION,
  openIndexPrefix,
  serviceIndexKey,
  serviceIndexPrefix,
  serviceStream,
  type ServiceDeploymentDoc,
  type ServiceDoc,
  type WantedDeployment,
} from '@foldline/contracts';
import {
  COMMANDS,
  derivedId,
  PORT,
  Refusal,
  type Cause,
  type Commands,
  type Query,
  type ReadStore,
} from '@foldline/kernel';
import { ReadYourWrites } from '../http/read-your-writes.ts';
import type { Done, RequestId } from '../triggers/idempotency.ts';
import { NumberedQueries } from './numbered.queries.ts';
import { Numbers } from './numbers.ts';
import { serviceDecider, underWay } from './service.decider.ts';

/** Deployments that are looked at to find one to go back to. */
const LOOKED_AT = 1000;

export type RollbackTarget = { revision?: number | undefined; version?: string | undefined };
export type RequestedDeployment = { number: number; imageTag: string; position: number };
type Wish = Pick<WantedDeployment, 'imageTag' | 'images' | 'imageId' | 'rollback' | 'reason'> & {
  /** What it was chosen by; when that has changed, it is not wanted. */
  upon?: { newest: string | undefined };
};

/** The one way to a new deployment of a service. A rollback is one as well (C26). */
@Injectable()
export class DeploymentRequests {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(NumberedQueries) private readonly numbered: NumberedQueries,
    @Inject(Numbers) private readonly numbers: Numbers,
    @Inject(ReadYourWrites) private readonly writes: ReadYourWrites,
  ) {}

  deploy(service: ServiceDoc, imageTag: string, reason: string | undefined, by: RequestId) {
    const wish = { imageTag, images: placesOf(service, imageTag), ...(reason !== undefined && { reason }) };
    return this.once(service, by, async () => wish);
  }

  rollBack(service: ServiceDoc, to: RollbackTarget, reason: string | undefined, by: RequestId) {
    return this.once(service, by, (deploymentId) => this.wayBack(service, to, reason, deploymentId));
  }

  /** Leads to what ran before what runs, which nobody knows while something else may still take over. */
  private async wayBack(
    service: ServiceDoc,
    to: RollbackTarget,
    reason: string | undefined,
    deploymentId: string,
  ): Promise<Wish> {
    const [[newest], open] = await Promise.all([
      this.deployments({ index: 'byService', prefix: serviceIndexPrefix(service.number), reverse: true, limit: 1 }),
      this.deployments({ index: 'open', prefix: openIndexPrefix(service.projectNumber, service.number), limit: 2 }),
    ]);
    if (open.some(({ id }) => id !== deploymentId)) throw underWay();
    const { current } = service;
    if (!current) throw nothing('nothing of the service runs');
    const running = await this.numbered.deployment(String(current.number));
    const target = await this.targetOf(service, running, to);
    const { imageTag, images, imageId, number } = target;
    return {
      imageTag,
      images,
      ...(imageId !== undefined && { imageId }),
      rollback: { of: running.id, to: number },
      reason: reason ?? `rollback to deployment ${number}`,
      upon: { newest: newest?.id },
    };
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
    const items = await this.deployments({
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

  private async deployments(query: Query): Promise<ServiceDeploymentDoc[]> {
    return (await this.reads.query<ServiceDeploymentDoc>(COLLECTION.serviceDeployments, query)).items;
  }

  /** What is asked for under one key is one deployment, also when that is done several times at once. */
  private async once(
    service: ServiceDoc,
    by: RequestId,
    wishOf: (deploymentId: string) => Promise<Wish>,
  ): Promise<Done<RequestedDeployment>> {
    const deploymentId = by.keyed ? derivedId('deployment', service.id, by.id) : by.id;
    const known = by.keyed ? await this.stored(deploymentId) : undefined;
    if (known) return { answer: known, fresh: false };
    const answer = await this.request(service, deploymentId, await wishOf(deploymentId), by.cause);
    if (answer) return { answer, fresh: true };
    // Somebody else with the same key was faster.
    await this.writes.reachEnd();
    return { answer: (await this.stored(deploymentId))!, fresh: false };
  }

  private async stored(deploymentId: string): Promise<RequestedDeployment | undefined> {
    const doc = await this.reads.get<ServiceDeploymentDoc>(COLLECTION.serviceDeployments, deploymentId);
    return doc && { number: doc.number, imageTag: doc.imageTag, position: doc.position };
  }

  private async request(
    service: ServiceDoc,
    deploymentId: string,
    { upon, ...wish }: Wish,
    cause: Cause,
  ): Promise<RequestedDeployment | undefined> {
    const { id, owner, name, url, defaultBranch, variables } = await this.numbered.project(service.projectId);
    const number = await this.numbers.next('deployments', deploymentId, cause);
    const { ports, environment, healthCheck } = service;
    const wanted: WantedDeployment = {
      ...wish,
      deploymentId,
      serviceId: service.id,
      number,
      service: { number: service.number, name: service.name },
      project: { id, owner, name, url, defaultBranch },
      projectNumber: service.projectNumber,
      run: { ports, environment, healthCheck },
      // What is for some environments alone is for jobs that deploy to them.
      projectVariables: variables
        .filter(({ scope, kind }) => (scope ?? '*') === '*' && kind === undefined)
        .map(({ hidden: _hidden, description: _description, ...variable }) => variable),
    };
    const stream = serviceStream(service.id);
    const command = { type: 'RequestServiceDeployment', ...wanted, ...(upon && { upon }) } as const;
    const { position, events } = await this.commands.handle(stream, serviceDecider, command, cause);
    return events.length > 0 ? { number, imageTag: wish.imageTag, position } : undefined;
  }
}

const nothing = (message: string): Refusal => new Refusal('nothing_to_roll_back', message);

/** An image of the service itself is in its registries; any other is where its name says. */
const placesOf = ({ image, registries }: ServiceDoc, imageTag: string): string[] =>
  registries.length > 0 && imageTag.startsWith(`${image}:`)
    ? registries.map((registry) => `${registry}/${imageTag}`)
    : [imageTag];
